"""`make demo-dynamics`: a glass from its composition to D(O) and Ea, killed once on the way and resumed.

python benchmarks/dynamics_demo.py [OUT] [--record]; the second writes benchmarks/dynamics_demo.md.
"""

import argparse
import os
import platform
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from oxyspy.dynamics.simulation import steps_done

RECIPE = Path(__file__).parent / "dynamics_lialo2.yaml"
# steps in checkpoints of the production runs until the kill: within the first of them, however fast the machine
KILL_AFTER = 5000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", nargs="?", default="demo-out/dynamics")
    parser.add_argument("--record", action="store_true", help="write benchmarks/dynamics_demo.md")
    args = parser.parse_args()
    shutil.rmtree(args.output, ignore_errors=True)
    command = [sys.executable, "-m", "oxyspy.cli", "melt-quench", str(RECIPE), "-o", args.output]
    command += ["--workers", "2", "--study", "LiAlO2"]
    start = time.monotonic()
    print(" ".join(["oxyspy", *command[3:]]), flush=True)
    first = subprocess.Popen(command, start_new_session=True)
    while first.poll() is None and (done := produced(args.output)) < KILL_AFTER:
        time.sleep(0.2)
    if first.poll() is not None:
        print(f"ended with status {first.returncode} before it could be killed", file=sys.stderr)
        return 1
    # the workers too: as when a machine goes down
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    when = time.monotonic() - start
    print(f"\nkilled after {when:.0f} s, with {done} steps of the production runs done; started again:", flush=True)
    second = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    print(second.stdout)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = f"{time.monotonic() - start:.0f} s in all, {used.ru_utime + used.ru_stime:.0f} s of CPU time"
    print(f"{took}; tables and figures in {args.output}")
    if args.record:
        record(f"{took}; killed after {when:.0f} s, with {done} steps of the production runs done", second.stdout)
    return second.returncode


def produced(output: str) -> int:
    """Return the steps that the checkpoints of the production runs have behind them."""
    return sum(steps_done(folder) for folder in Path(output).glob("run-*"))


def record(what: str, shown: str) -> None:
    """Write what was printed."""
    lines = [
        "# A glass from its composition to D(O), killed once and resumed",
        "",
        f"`make demo-dynamics`, {platform.machine()}, {os.cpu_count()} cores shared with other work, Python "
        f"{platform.python_version()}: {what}.",
        "",
        "```text",
        shown.rstrip(),
        "```",
    ]
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
