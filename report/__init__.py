"""Shows a state machine and its executions; never writes to AWS."""

import os
import sys
from pathlib import Path

import installed  # noqa: F401

# The functions are a folder of modules, as Lambda has them, and no installed package.
sys.path.append(str(Path(__file__).resolve().parent.parent / "functions"))


def closed_pipe() -> int:
    """The exit status if nothing reads the output any more; the rest of the output is dropped."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
