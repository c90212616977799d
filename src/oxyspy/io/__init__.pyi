from . import axes, choosing, describe, finding, loading, reading, roles, scan
from .finding import ScanSource, find_scans
from .loading import load_scan
from .reading import read_signals
from .roles import Role, role_of
from .scan import LineScan

__all__ = [
    "LineScan",
    "Role",
    "ScanSource",
    "axes",
    "choosing",
    "describe",
    "find_scans",
    "finding",
    "load_scan",
    "loading",
    "read_signals",
    "reading",
    "role_of",
    "roles",
    "scan",
]
