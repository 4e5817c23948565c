"""Recorded runs of this project's state machine, and what the report prints of them.

They were recorded with ``python -m local rotate --fault``:

========================== =====================================================
succeeded, dry-run         no fault
killed                     ``kill-after:ModifyUser``: Modify User is retried
refused                    ``open-node:2``: nothing was changed
locked-out                 somebody had changed the user's password
both-passwords             ``open-node:2:Log In``
not-closed                 that, and ``error-500:UpdateSecretVersionStage:1-``
aborted                    stopped while it waited
========================== =====================================================
"""

import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from report import __main__ as report
from report.history import run_of
from report.run import Run
from tests.report.foreign import big_map, order

HISTORIES = Path(__file__).parent / "histories"
SNAPSHOTS = Path(__file__).parent / "snapshots"
NAMES = sorted(path.stem for path in HISTORIES.glob("*.json"))
MACHINE = Path(__file__).parents[2] / "statemachine" / "rotation.asl.json"
DEFINITION: dict[str, Any] = json.loads(MACHINE.read_text())
FOREIGN = {"order": order(), "big-map": big_map(400)}


def recorded(name: str) -> Run:
    loaded = json.loads((HISTORIES / f"{name}.json").read_text())
    return run_of(loaded["events"], loaded["execution"])


def printed_of(name: str) -> str:
    """What ``python -m report --history FILE`` prints of one of NAMES or of FOREIGN."""
    with TemporaryDirectory() as folder, redirect_stdout(io.StringIO()) as printed:
        file = HISTORIES / f"{name}.json"
        if name in FOREIGN:
            file = Path(folder, "history.json")
            file.write_text(json.dumps({"events": FOREIGN[name].events}))
        assert report.main(["--history", str(file)]) == 0
    return printed.getvalue()
