"""
A batch on the command line
===========================

Many scans, one command. This page runs the commands as you would type them in a terminal; ``run`` below only starts
them in the folder of this tutorial. Replace the folder of the demo scans by your own.
"""

import shlex
import tempfile
from contextlib import chdir
from pathlib import Path

from oxyspy.cli import main
from oxyspy.data import FOLDER

work = Path(tempfile.mkdtemp())
(work / "scans").symlink_to((FOLDER / "demo").resolve())


def run(command):
    """Run a command in the folder `work`."""
    print(f"$ {command}")
    with chdir(work):
        main(shlex.split(command)[1:])


# %%
# Look first
# ----------
# Which file is what, how are the axes, and what is doubtful?

run("oxyspy info scans/rocksalt_4nm_wrong_axis")

# %%
# Choose
# ------
# A recipe holds every choice of an analysis. Start from a shipped one, change what differs, and have it checked.

run("oxyspy recipe new mine.yaml")
print((work / "mine.yaml").read_text())
run("oxyspy recipe check mine.yaml")

# %%
# Analyse
# -------
# Every folder below ``scans`` that holds a scan is one row. A bad scan never stops the others, and a run that was
# stopped goes on where it was when the command is given again.

run("oxyspy analyse scans -o out --recipe mine.yaml --coating '4 +- 0.4 nm' --exposure 60min --quiet")
for path in sorted((work / "out").rglob("*")):
    print(path.relative_to(work))

# %%
# The table
# ---------
# ``out/summary.csv`` opens in any program. ``layer_supported`` says whether there is a layer at all; where there is
# none, ``message`` or the result says why, and the diffusivity is an upper limit.

import pandas as pd

table = pd.read_csv(work / "out" / "summary.csv")
table[["scan", "status", "layer_nm", "layer_sigma_nm", "layer_supported", "ratio_layer", "ratio_bulk"]]

# %%
# And what the coating must have let through, in cm²/s:

table[["scan", "required_diffusivity_cm2_s", "required_diffusivity_low", "required_diffusivity_high"]]

# %%
# Look at the figures
# -------------------
# ``out/report.html`` shows every scan on one page that needs no network. The same profiles lie as pictures beside the
# numbers:

import matplotlib.pyplot as plt

picture = plt.imread(work / "out" / "rocksalt_2nm" / "profile.png")
fig = plt.figure(figsize=(picture.shape[1] / 200, picture.shape[0] / 200))
ax = fig.add_axes([0, 0, 1, 1])
ax.imshow(picture)
_ = ax.axis("off")

# %%
# Where a number came from
# ------------------------
# ``result.json`` of each scan holds the method of every number, the recipe, the versions and the SHA-256 of each input.

import json

kept = json.loads((work / "out" / "rocksalt_2nm" / "result.json").read_text())
print(", ".join(kept))
