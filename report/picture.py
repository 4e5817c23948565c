"""The machine's graph, its states colored by their outcome in a run, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from report.graph import Definition
from report.history import Outcome, Run, Visit
from report.layout import START, Drawing, layout
from report.terminal import SIGNS, duration, headline

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def svg(run: Run, definition: Definition, *, times: bool = True) -> str:
    """A file of its own, light or dark as its reader's system is; `times` says how long it took."""
    what = headline(run) if times else run.error
    outcomes = run.outcomes()
    looks = {
        name: look(run, visits, outcomes[name], times=times)
        for name, visits in by_state(run).items()
    }
    return TEMPLATES.get_template("graph.svg.j2").render(
        **drawn(run, definition), by_name=looks, alone=f"{run.status} {what}".strip()
    )


def drawn(run: Run, definition: Definition) -> dict[str, Any]:
    """Where the states are, and the ways between them: those that the run has gone come last."""
    taken = {(visit.before.name, visit.name) for visit in run.visits if visit.before}
    taken |= {(START, visit.name) for visit in run.top()[:1]}
    drawing: Drawing = layout(definition, taken)
    ways = [
        {
            "path": way.path,
            "label": way.label,
            "condition": way.condition,
            "label_at": way.label_at,
            "is_catch": way.is_catch,
            "taken": (way.source, way.target) in taken,
        }
        # grandalf's own order differs from process to process.
        for way in sorted(drawing.ways, key=lambda way: (way.source, way.target))
    ]
    return {"drawing": drawing, "ways": sorted(ways, key=lambda way: bool(way["taken"]))}


def by_state(run: Run) -> dict[str, list[Visit]]:
    """All visits of each state that was entered, in the order of the first ones."""
    visits: dict[str, list[Visit]] = {}
    for visit in run.visits:
        visits.setdefault(visit.name, []).append(visit)
    return visits


def look(
    run: Run, visits: Sequence[Visit], outcome: Outcome, *, times: bool = True
) -> dict[str, str]:
    """How a state is drawn: the class of its outcome, its sign, and the line below its name."""
    tries = sum(max(len(visit.attempts), 1) for visit in visits)
    took = sum((visit.ended(run) - visit.entered).total_seconds() for visit in visits)
    many = f"{len(visits)} times" if len(visits) > 1 else ""
    again = f"{tries} attempts" if tries > len(visits) else many
    told = duration(took) if times else "" if again else visits[0].type
    short = ", ".join(filter(None, [told, again]))
    return {"css": class_of(outcome), "sign": SIGNS[outcome][0], "short": short}


def class_of(outcome: str) -> str:
    """The outcome's class."""
    return outcome.replace(" ", "-")
