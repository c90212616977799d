"""A recipe and a scan to results on disk.

Submodules
----------
recipe
    Every choice of an analysis, as validated YAML.
chain
    The EELS chain on the arrays of one scan.
analysis
    One scan from loading to the required diffusivity.
batch
    Many scans.
output
    Files of the results.
figures
    Figures of the results.
report
    One self-contained page of a batch.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
