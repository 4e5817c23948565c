"""Records runs that fail, on a local AWS, and writes what the report shows of recorded runs.

``python -m tools.pictures`` takes 2 minutes; ``--draw`` records nothing. It draws the pictures of
docs/, and writes the snapshots of tests/report. If a run ends with another error, the exit status
is 1.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.report.recorded import FOREIGN, NAMES, SNAPSHOTS, printed_of
from tools.pictures import FAILURES, HISTORIES, PICTURES, REPORT, ROOT, picture_of, report_picture

# What is retried for minutes on AWS ends in seconds.
_SHORT = {"PYTHONPATH": str(ROOT), "LOCAL_LONGEST_RETRY_SECONDS": "0.5"}
_ROTATE = ["-m", "local", "rotate", "--modifying-seconds", "0.5", "--assume", "attempts=1"]
#: Most of the time, a run waits for its next attempt.
_AT_ONCE = 4


def record(name: str) -> str:
    """Keep the history of a run that fails so; what is wrong, in a line."""
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(
            [sys.executable, *_ROTATE, *FAILURES[name]],
            cwd=directory,
            env={**os.environ, **_SHORT},
            capture_output=True,
        )
        histories = list(Path(directory, ".local").glob("*.json"))
        if len(histories) != 1:
            return f"{name}: there are {len(histories)} executions"
        events = json.loads(histories[0].read_text())["events"]
    end = events[-1]
    error = end.get("executionFailedEventDetails", {}).get("error", end["type"])
    if error not in (name, f"Execution{name.title()}"):
        return f"{name}: the execution ended with {error}"
    (HISTORIES / f"{name}.json").write_text(kept(events))
    return ""


def kept(events: Iterable[Mapping[str, Any]]) -> str:
    """What a picture needs of a history: no time, ARN or input; an event on each line."""
    lines = []
    for event in events:
        line = {key: event[key] for key in ("id", "previousEventId", "type")}
        for key in event:
            if key.endswith("EventDetails"):
                names = {"name", "index", "error"} & event[key].keys()
                line[key] = {name: event[key][name] for name in sorted(names)}
        lines.append(json.dumps(line))
    return "[\n" + ",\n".join(lines) + "\n]\n"


def main() -> str:
    """Run the command; what is wrong, a line for each."""
    parser = argparse.ArgumentParser(prog="python -m tools.pictures")
    parser.add_argument("--draw", action="store_true", help="only draw")
    wrong: list[str] = []
    if not parser.parse_args().draw:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            wrong = list(filter(None, pool.map(record, FAILURES)))
    for name in FAILURES:
        (PICTURES / f"{name}.svg").write_text(picture_of(name))
    REPORT.write_text(report_picture())
    for name in (*NAMES, *FOREIGN):
        (SNAPSHOTS / f"{name}.txt").write_text(printed_of(name))
    return "\n".join(wrong)


if __name__ == "__main__":
    sys.exit(main() or None)
