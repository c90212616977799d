from . import eels
from .eels import SimulatedScan, simulate_scan

__all__ = ["SimulatedScan", "eels", "simulate_scan"]
