"""`make demo-dynamics`: a glass from its composition to D(O) and Ea, killed once on the way and resumed.

python benchmarks/dynamics_demo.py [OUT]
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

RECIPE = Path(__file__).parent / "dynamics_lialo2.yaml"
# seconds until the kill: within the melt or the first runs, whatever the machine
KILL_AFTER = 45


def main(output: str = "demo-out/dynamics") -> int:
    shutil.rmtree(output, ignore_errors=True)
    command = [sys.executable, "-m", "oxyspy.cli", "melt-quench", str(RECIPE), "-o", output]
    command += ["--workers", "2", "--study", "LiAlO2"]
    start = time.monotonic()
    print(" ".join(["oxyspy", *command[3:]]), flush=True)
    first = subprocess.Popen(command, start_new_session=True)
    try:
        first.wait(KILL_AFTER)
    except subprocess.TimeoutExpired:
        # the workers too: as when a machine goes down
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
        print(f"\nkilled after {KILL_AFTER} s, and started again:", flush=True)
    status = subprocess.run(command, check=False).returncode
    print(f"\n{time.monotonic() - start:.0f} s in all; tables and figures in {output}")
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
