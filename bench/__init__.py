"""How fast a rotation is and what it costs, beside AWS's own function; ``make bench``."""

import sys
from pathlib import Path

import installed  # noqa: F401

# The functions are a folder of modules, as Lambda has them, and no installed package.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "functions"))
