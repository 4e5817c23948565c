"""A run's states as a graph in SVG, colored by their outcomes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from report.definition import Definition, entered
from report.layout import START, layout
from report.run import Outcome, Run, Visit
from report.wording import SIGNS, duration, headline

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def svg(run: Run, definition: Definition) -> str:
    """A file of its own, with the states that were entered; light or dark as its reader's system.

    Of a history without times it has none.
    """
    title = f"{run.status} {headline(run) if run.seconds else run.error}"
    outcomes = run.outcomes()
    by_name = {
        name: appearance(run, visits, outcomes[name]) for name, visits in run.by_state().items()
    }
    return TEMPLATES.get_template("graph.svg.j2").render(
        **graph(run, entered(definition, run)), by_name=by_name, alone=title.strip()
    )


def graph(run: Run, definition: Definition) -> dict[str, Any]:
    """The places of the states and the arrows; those that the run took come last."""
    taken = run.transitions() | {(START, visit.name) for visit in run.top()[:1]}
    drawing = layout(definition, taken)
    arrows = [
        {
            "path": arrow.path,
            "label": arrow.label,
            "condition": arrow.condition,
            "label_at": arrow.label_at,
            "is_catch": arrow.is_catch,
            "taken": (arrow.source, arrow.target) in taken,
        }
        # grandalf's own order differs from process to process.
        for arrow in sorted(drawing.arrows, key=lambda arrow: (arrow.source, arrow.target))
    ]
    return {"drawing": drawing, "arrows": sorted(arrows, key=lambda arrow: bool(arrow["taken"]))}


def appearance(run: Run, visits: list[Visit], outcome: Outcome) -> dict[str, Any]:
    """How a state is shown: its outcome with CSS class and sign, and its durations in words."""
    attempts = sum(max(len(visit.attempts), 1) for visit in visits)
    seconds = sum((visit.ended(run) - visit.entered).total_seconds() for visit in visits)
    times = f"{len(visits)} times" if len(visits) > 1 else ""
    retried = f"{attempts} attempts" if attempts > len(visits) else ""
    took = duration(seconds) if run.seconds else "" if times or retried else visits[0].type
    return {
        "outcome": outcome,
        "css": css_class(outcome),
        "sign": SIGNS[outcome][0],
        "short": ", ".join(filter(None, [took, retried or times])),
        "facts": ", ".join(filter(None, [took, times, retried])),
    }


def css_class(outcome: str) -> str:
    """The outcome's class."""
    return outcome.replace(" ", "-")
