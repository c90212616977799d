"""Core-loss spectra of one or many positions."""

from __future__ import annotations

from exspy.signals import EELSSpectrum
from hyperspy.signals import LazySignal1D


class CoreLossEELSSpectrum(EELSSpectrum):
    """Core-loss EELS signal."""

    _signal_type = "core_loss_EELS"
    _alias_signal_types = ["core-loss EELS", "CoreLossEELS"]


class LazyCoreLossEELSSpectrum(CoreLossEELSSpectrum, LazySignal1D):
    """Lazy twin of `CoreLossEELSSpectrum`."""

    _lazy = True
