"""The recorded run of a failure, and the picture of it that docs/troubleshooting.md shows.

Of a history's events only what the picture needs is kept: no time, no id but the events' own.
"""

import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from local.deploy import ROOT
from report.history import Run, run_of
from report.picture import svg
from report.remedy import remedy_of
from report.terminal import show
from tests.report.recorded import recorded

HISTORIES = ROOT / "tests/pictures/histories"
PICTURES = ROOT / "docs/pictures"
DEFINITION: dict[str, Any] = json.loads((ROOT / "statemachine/rotation.asl.json").read_text())
#: The README's: what the person on call sees of a failed run.
REPORT = ROOT / "docs/report.svg"
_SOME_TIME = {"timestamp": 0}
#: Rich's, which loads its font from elsewhere.
_FRAME = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.S)


def kept(events: Iterable[Mapping[str, Any]]) -> str:
    """The file of a history, an event in each line."""
    lines = []
    for event in events:
        told = {key: event[key] for key in ("id", "previousEventId", "type")}
        for key, details in event.items():
            if key.endswith("EventDetails"):
                told[key] = {
                    name: details[name] for name in ("name", "index", "error") if name in details
                }
        lines.append(json.dumps(told))
    return "[\n" + ",\n".join(lines) + "\n]\n"


def run_in(name: str) -> Run:
    """The run that was recorded for an error's name."""
    events = json.loads((HISTORIES / f"{name}.json").read_text())
    return run_of([event | _SOME_TIME for event in events])


def picture_of(name: str) -> str:
    """The picture as it is drawn today."""
    return svg(run_in(name), DEFINITION, times=False)


def report_picture() -> str:
    """What ``python -m report`` shows of a rotation that has failed at one of two nodes."""
    run = recorded("both-passwords")
    remedy = remedy_of(run)
    assert remedy
    since = "Since then: a rotation has succeeded, at 2026-11-25 20:53 UTC"
    console = Console(
        file=io.StringIO(), record=True, width=100, force_terminal=True, color_system="truecolor",
        highlight=False, markup=False, emoji=False,
    )  # fmt: skip
    show(run, replace(remedy, since=since), console)
    shown = console.export_svg(title="python -m report --last-failed", code_format=_FRAME,
        unique_id="report",
    )  # fmt: skip
    return shown + "\n"
