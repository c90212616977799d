from . import (
    analysis,
    batch,
    chain,
    diagnosis,
    figures,
    figures_rows,
    jobs,
    layers,
    output,
    pictures,
    population,
    population_groups,
    population_scans,
    recipe,
    report,
    rows,
    schema,
    segments,
    sheet,
    standards,
    states,
)
from .analysis import ScanResult, analyse
from .batch import analyse_many
from .chain import EdgeMeasurement, Prepared
from .layers import RowLayer
from .recipe import (
    Bootstrap,
    LinePlaces,
    OxygenWindows,
    Recipe,
    Transport,
    WhiteLineChoices,
    load_recipe,
    shipped_recipes,
)
from .report import write_report
from .rows import RowAlignment
from .schema import result_schema, statistics_schema
from .sheet import read_sheet
from .standards import calibrate_from_standards
from .states import StateChange

__all__ = [
    "Bootstrap",
    "EdgeMeasurement",
    "LinePlaces",
    "OxygenWindows",
    "Prepared",
    "Recipe",
    "RowAlignment",
    "RowLayer",
    "ScanResult",
    "StateChange",
    "Transport",
    "WhiteLineChoices",
    "analyse",
    "analyse_many",
    "analysis",
    "batch",
    "calibrate_from_standards",
    "chain",
    "diagnosis",
    "figures",
    "figures_rows",
    "jobs",
    "layers",
    "load_recipe",
    "output",
    "pictures",
    "population",
    "population_groups",
    "population_scans",
    "read_sheet",
    "recipe",
    "report",
    "result_schema",
    "rows",
    "schema",
    "segments",
    "sheet",
    "shipped_recipes",
    "standards",
    "states",
    "statistics_schema",
    "write_report",
]
