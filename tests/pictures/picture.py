"""The recorded run of a failure, and the picture of it that docs/troubleshooting.md shows.

Of a history's events only what the picture needs is kept: no time, no id but the events' own.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from local.deploy import ROOT
from report.history import Run, run_of
from report.picture import svg

HISTORIES = ROOT / "tests/pictures/histories"
PICTURES = ROOT / "docs/pictures"
DEFINITION: dict[str, Any] = json.loads((ROOT / "statemachine/rotation.asl.json").read_text())
_SOME_TIME = {"timestamp": 0}


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
