"""`python -m hiddenstate` is the command `hiddenstate`."""

from hiddenstate.cli import main

if __name__ == "__main__":
    main()
