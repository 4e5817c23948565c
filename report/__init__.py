"""Reads what the rotation is and what it did, and shows it; never writes to AWS."""

import os
import sys
from pathlib import Path

import installed  # noqa: F401

# The functions are a folder of modules, as Lambda has them, and no installed package.
sys.path.append(str(Path(__file__).resolve().parent.parent / "functions"))


def closed_pipe() -> int:
    """The exit status where nobody reads the output any more; what is left of it goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
