"""From scans with their errors to samples and conditions: means, spreads, trends and tests, upper limits included.

Submodules
----------
random_effects
    Mean and spread of a group.
limits
    The likelihood of values and upper limits, and intervals from it.
trend
    Thickness against cycles.
compare
    Differences between groups.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
