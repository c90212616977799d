"""Figures: every coating in them, units on their axes."""

import matplotlib.pyplot as plt

from oxyspy.transport import (
    coatings,
    compare_coatings,
    plot_growth,
    plot_required,
    plot_tradeoff,
    required_diffusivity,
)


def test_figures_show_every_coating():
    trade = plot_tradeoff(coatings(), oxygen_max=1e-17, lithium_min=7e-16)
    names = {text.get_text() for text in trade.axes[0].texts}
    assert set(coatings()) <= names
    for layer in ("2 +- 0.3 nm", "0.1 +- 0.1 nm", "2 nm"):
        need = required_diffusivity(layer, "10 nm", "165 min")
        fig = plot_required(need, compare_coatings(need))
        assert [text.get_text() for text in fig.axes[0].get_yticklabels()] == list(coatings())
        assert "cm$^2$/s" in fig.axes[0].get_xlabel()
    for geometry in ("sphere", "plane"):
        growth = plot_growth(coatings()["ZnO"].densification_time("2 nm", "10 nm", geometry=geometry), coatings())
        assert set(coatings()) <= {text.get_text() for text in growth.axes[0].texts}
        assert growth.axes[0].get_ylabel() == "reacted layer (nm)"
    plt.close("all")
