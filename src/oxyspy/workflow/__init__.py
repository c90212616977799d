"""A recipe and a scan to results on disk.

Submodules
----------
recipe
    Every choice of an analysis, as validated YAML.
chain
    The EELS chain on the arrays of one scan.
segments
    The part of a scan that one edge is measured on.
states
    Ratio, position, splitting and valence in the layer and in the bulk.
standards
    A valence calibration of one's own standards.
rows
    The rows of a scan brought to one surface.
layers
    The layer of all rows, and of each.
analysis
    One scan from loading to the required diffusivity.
batch
    Many scans.
diagnosis
    What may be wrong with counts in which nothing was found.
pictures
    The images of a scan, and the phases in them.
jobs
    The scans of a batch, and what a sample sheet says of them.
sheet, sheet_columns
    Sample sheets.
population, population_scans, population_groups, population_tables
    Samples, conditions, trends and tests; what goes in and what comes out.
schema
    What ``result.json`` holds.
output
    Files of the results.
figures, figures_rows
    Figures of the results.
report
    One self-contained page of a batch.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
