"""Write what the report prints of each recorded run: ``python -m tests.report``."""

import io
import json
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from report import __main__ as report
from tests.report.foreign import History, big_map, order
from tests.report.recorded import HISTORIES, NAMES

SNAPSHOTS = Path(__file__).parent / "snapshots"
FOREIGN: dict[str, Callable[[], History]] = {"order": order, "big-map": partial(big_map, 400)}


def shown(name: str) -> str:
    """What ``python -m report --history FILE`` prints of the run, ours or another machine's."""
    with TemporaryDirectory() as folder, redirect_stdout(io.StringIO()) as printed:
        file = HISTORIES / f"{name}.json"
        if name in FOREIGN:
            file = Path(folder, "history.json")
            file.write_text(json.dumps({"events": FOREIGN[name]().events}))
        status = report.main(["--history", str(file)])
    assert status == 0
    return printed.getvalue()


if __name__ == "__main__":
    for name in (*NAMES, *FOREIGN):
        (SNAPSHOTS / f"{name}.txt").write_text(shown(name))
