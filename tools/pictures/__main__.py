"""Records runs that fail, on a local AWS, and writes what the report shows of recorded runs.

``python -m tools.pictures`` takes 2 minutes; ``--draw`` records nothing. It draws the pictures of
docs/, and writes the snapshots of tests/report. If a run ends with another error, the exit status
is 1.
"""

import argparse
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from report.history import run_of
from report.picture import svg
from report.remedy import remedy_of
from report.run import Run
from report.terminal import show
from tests.report.recorded import DEFINITION, FOREIGN, NAMES, SNAPSHOTS, printed_of, recorded

ROOT = Path(__file__).parents[2]
HISTORIES = ROOT / "tools/pictures/histories"
PICTURES = ROOT / "docs/pictures"
#: The README's picture.
REPORT = ROOT / "docs/report.svg"
#: By the error that a run ends with: how `python -m local rotate` makes it. Each continues in
#: another way.
FAILURES = {
    "ThrottlingError": ["--fault=throttle:DescribeUsers:1-"],
    "UserModifyingTooLongError": [
        "--parameter=MaxModifyingSeconds=10",
        "--fault=keep-modifying:12",
    ],
    "PasswordRefusedError": ["--fault=lag-password:1:3600"],
    "AccessDeniedError": ["--fault=deny:UpdateSecretVersionStage:1"],
    "ABORTED": ["--fault=stop-at:Wait For User"],
}
_ROTATE = ["-m", "local", "rotate", "--modifying-seconds=0.5", "--assume=attempts=1"]
# What is retried for minutes on AWS ends in seconds.
_SHORT = {"PYTHONPATH": str(ROOT), "LOCAL_LONGEST_RETRY_SECONDS": "0.5"}
#: Rich's frame loads its font from another site.
_FRAME = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.S)


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


def run_in(name: str) -> Run:
    """The run that was recorded for an error."""
    events = json.loads((HISTORIES / f"{name}.json").read_text())
    return run_of([{"timestamp": 0, **event} for event in events])


def picture_of(name: str) -> str:
    """The picture of an error's run, without times: those of a local AWS mean nothing."""
    return svg(run_in(name), DEFINITION)


def report_picture() -> str:
    """What ``python -m report`` prints of a rotation that failed at one of two nodes."""
    run = recorded("both-passwords")
    remedy: Any = remedy_of(run)
    since = "Since then: a rotation has succeeded, at 2026-11-25 20:53 UTC"
    color: dict[str, Any] = {"force_terminal": True, "color_system": "truecolor"}
    console = Console(file=io.StringIO(), record=True, width=100, highlight=False, **color)
    show(run, replace(remedy, since=since), console)
    title = "python -m report --last-failed"
    return console.export_svg(title=title, code_format=_FRAME, unique_id="report") + "\n"


def main() -> str:
    """Run the command; what is wrong, a line for each."""
    parser = argparse.ArgumentParser(prog="python -m tools.pictures")
    parser.add_argument("--draw", action="store_true", help="only draw")
    wrong: list[str] = []
    if not parser.parse_args().draw:
        with ThreadPoolExecutor() as pool:
            wrong = list(filter(None, pool.map(record, FAILURES)))
    for name in FAILURES:
        (PICTURES / f"{name}.svg").write_text(picture_of(name))
    REPORT.write_text(report_picture())
    for name in (*NAMES, *FOREIGN):
        (SNAPSHOTS / f"{name}.txt").write_text(printed_of(name))
    return "\n".join(wrong)


if __name__ == "__main__":
    sys.exit(main() or None)
