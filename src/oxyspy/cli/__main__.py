"""``python -m oxyspy.cli``."""

import sys

from oxyspy.cli import main

sys.exit(main())
