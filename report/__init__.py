"""Reads what the rotation is and what it did, and shows it; never writes to AWS."""

import sys
from pathlib import Path

import installed  # noqa: F401

# The functions are a folder of modules, as Lambda has them, and no installed package.
sys.path.append(str(Path(__file__).resolve().parent.parent / "functions"))
