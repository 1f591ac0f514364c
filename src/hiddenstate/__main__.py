"""`python -m hiddenstate` is the command `hiddenstate`."""

import sys

from hiddenstate.cli import main

if __name__ == "__main__":
    sys.exit(main())
