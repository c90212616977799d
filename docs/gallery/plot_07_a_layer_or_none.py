"""
A layer, or none
================

Where the spectra do not support a layer, there is no thickness but an upper limit, and the reason. The first scan was
made with 2 nm, the second with none.
"""

import oxyspy
from oxyspy.data import FOLDER

for name in ("rocksalt_2nm", "pristine"):
    result = oxyspy.analyse(oxyspy.load_scan(FOLDER / "demo" / name), recipe="nmc")
    print(f"{name}: {result.layer}")
    result.plot()
