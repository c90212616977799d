from . import analysis, batch, chain, figures, output, recipe
from .analysis import ScanResult, analyse
from .batch import analyse_many
from .recipe import Recipe, load_recipe

__all__ = [
    "Recipe",
    "ScanResult",
    "analyse",
    "analyse_many",
    "analysis",
    "batch",
    "chain",
    "figures",
    "load_recipe",
    "output",
    "recipe",
]
