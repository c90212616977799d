from . import compare, limits, random_effects, trend
from .compare import GroupDifference, compare_groups
from .random_effects import GroupMean, group_mean
from .trend import Trend, fit_trend

__all__ = [
    "GroupDifference",
    "GroupMean",
    "Trend",
    "compare",
    "compare_groups",
    "fit_trend",
    "group_mean",
    "limits",
    "random_effects",
    "trend",
]
