"""AWS on this computer: enough of it to run the stack without account, Docker or network."""

import sys
import types
from importlib.util import find_spec
from pathlib import Path

import installed  # noqa: F401

# The Step Functions interpreter's task of AWS Batch wants one list of moto.batch, whose package
# loads all that moto knows of EC2: most of the time that the local AWS takes to start.
_moto = find_spec("moto")
if _moto and _moto.origin:
    _batch = types.ModuleType("moto.batch")
    _batch.__path__ = [str(Path(_moto.origin).parent / "batch")]
    sys.modules.setdefault("moto.batch", _batch)
