"""Histories of our own machine, recorded on the local AWS with ``python -m local rotate --fault``.

========================== =====================================================
succeeded, dry-run         no fault
killed                     ``kill-after:ModifyUser``: Modify User is tried twice
refused                    ``open-node:2``: nothing had been changed
rolled-back                ``open-node:2:Log In``
not-rolled-back            that, and ``deny:ModifyUser:2-``
aborted                    stopped while it waited
========================== =====================================================
"""

import json
from pathlib import Path
from typing import Any

from report.history import Run, run_of

HISTORIES = Path(__file__).parent / "histories"
NAMES = sorted(path.stem for path in HISTORIES.glob("*.json"))
MACHINE = Path(__file__).parents[2] / "statemachine" / "rotation.asl.json"
DEFINITION: dict[str, Any] = json.loads(MACHINE.read_text())


def recorded(name: str) -> Run:
    loaded = json.loads((HISTORIES / f"{name}.json").read_text())
    return run_of(loaded["events"], loaded["execution"])
