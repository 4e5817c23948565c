"""Histories of our own machine, recorded on the local AWS with ``python -m local rotate --fault``.

========================== =====================================================
succeeded, dry-run         no fault
killed                     ``kill-after:ModifyUser``: Modify User is tried again
refused                    ``open-node:2``: nothing had been changed
locked-out                 somebody else had changed the user's password
both-passwords             ``open-node:2:Log In``
not-closed                 that, and ``error-500:UpdateSecretVersionStage:1-``
aborted                    stopped while it waited
========================== =====================================================
"""

import json
from pathlib import Path
from typing import Any

from report.history import run_of
from report.run import Run

HISTORIES = Path(__file__).parent / "histories"
NAMES = sorted(path.stem for path in HISTORIES.glob("*.json"))
MACHINE = Path(__file__).parents[2] / "statemachine" / "rotation.asl.json"
DEFINITION: dict[str, Any] = json.loads(MACHINE.read_text())


def recorded(name: str) -> Run:
    loaded = json.loads((HISTORIES / f"{name}.json").read_text())
    return run_of(loaded["events"], loaded["execution"])
