from . import axes, choosing, describe, dose, finding, line, loading, reading, roles, scan
from .dose import Dose, dose_of
from .finding import ScanSource, find_scans
from .line import cut_line
from .loading import load_scan
from .reading import read_signals
from .roles import Role, role_of
from .scan import LineScan

__all__ = [
    "Dose",
    "LineScan",
    "Role",
    "ScanSource",
    "axes",
    "choosing",
    "cut_line",
    "describe",
    "dose",
    "dose_of",
    "find_scans",
    "finding",
    "line",
    "load_scan",
    "loading",
    "read_signals",
    "reading",
    "role_of",
    "roles",
    "scan",
]
