"""Figures look the same whoever draws them, and are safe for colour-blind readers."""

import hashlib
import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from colorspacious import cspace_convert, deltaE
from matplotlib.colors import to_rgb

from oxyspy.plotting import COLOURS, figure, save_figure, style


@style()
def drawn(path):
    fig, axes = figure(2, 2, size=(4, 3), sharex=True)
    for i, ax in enumerate(axes.flat):
        ax.plot(np.arange(5), label=f"line {i}")
        ax.set_ylabel("counts")
        ax.legend()
    save_figure(fig, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_threads_of_a_worker_draw_what_one_alone_draws(tmp_path):
    """Matplotlib's settings are one for a process: two threads that change them spoil each other's figures."""
    alone = drawn(tmp_path / "alone.png")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(drawn, [tmp_path / f"{i}.png" for i in range(6)]))
    assert set(found) == {alone}


def test_figures_off_the_main_thread_are_none_of_pyplots(tmp_path):
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(figure).result()
    assert plt.get_fignums() == before


@pytest.mark.parametrize("deficiency", ["deuteranomaly", "protanomaly", "tritanomaly"])
def test_palette_is_told_apart_by_eyes_without_one_kind_of_cone(deficiency):
    """Differences in CAM02-UCS after Machado's simulation; 1 is just noticed, side by side. Grey is for lines."""
    space = {"name": "sRGB1+CVD", "cvd_type": deficiency, "severity": 100}
    seen = {name: np.clip(cspace_convert(to_rgb(colour), space, "sRGB1"), 0, 1) for name, colour in COLOURS.items()
            if name != "grey"}  # fmt: skip
    for one, other in itertools.combinations(seen, 2):
        assert deltaE(seen[one], seen[other], input_space="sRGB1") > 10, (one, other)
