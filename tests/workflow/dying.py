"""A task that kills its own process; apart, so that the process has nothing else to load."""

import os
import signal


def die_once(marker, name):
    """Kill the own process, the first time ``marker`` allows it."""
    if name == "always" or (name == "once" and not os.path.exists(marker)):
        open(marker, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return name
