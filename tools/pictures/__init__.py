"""The pictures of docs/, each of a recorded run."""

import io
import json
import re
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
from tests.report.recorded import DEFINITION, recorded

ROOT = Path(__file__).parents[2]
HISTORIES = ROOT / "tools/pictures/histories"
PICTURES = ROOT / "docs/pictures"
#: The README's picture.
REPORT = ROOT / "docs/report.svg"
#: By the error that a run ends with: how `python -m local rotate` makes it. Each continues in
#: another way.
FAILURES = {
    "ThrottlingError": ["--fault", "throttle:DescribeUsers:1-"],
    "UserModifyingTooLongError": [
        *("--parameter", "MaxModifyingSeconds=10"),
        *("--fault", "keep-modifying:12"),
    ],
    "PasswordRefusedError": ["--fault", "lag-password:1:3600"],
    "AccessDeniedError": ["--fault", "deny:UpdateSecretVersionStage:1"],
    "ABORTED": ["--fault", "stop-at:Wait For User"],
}
#: Rich's frame loads its font from another site.
_FRAME = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.S)


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
    console = Console(
        file=io.StringIO(),
        record=True,
        width=100,
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
        markup=False,
        emoji=False,
    )
    show(run, replace(remedy, since=since), console)
    title = "python -m report --last-failed"
    return console.export_svg(title=title, code_format=_FRAME, unique_id="report") + "\n"
