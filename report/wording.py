"""What the terminal and the page say alike."""

from __future__ import annotations

import json
import textwrap
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC

from rich.console import Console
from rich.text import Text

from report.run import Attempt, Run, Visit

SIGNS = {
    "succeeded": ("✓", "green"),
    "caught": ("!", "yellow"),
    "failed": ("✗", "red"),
    "timed out": ("✗", "red"),
    "aborted": ("■", "magenta"),
    "running": ("…", "cyan"),
}
#: Of a Map's items, or of a state's visits: how many are shown at most.
_MOST_EVENTFUL, _MOST_UNEVENTFUL = 20, 5


def duration(seconds: float) -> str:
    """``0.4 s``, ``2 min 5 s``, ``3 h 20 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def when(run: Run) -> str:
    """The times of its start and its end."""
    began = run.started.astimezone(UTC)
    if run.status == "RUNNING":
        return f"since {began:%Y-%m-%d %H:%M:%S} UTC"
    ended = run.stopped.astimezone(UTC)
    day = "" if ended.date() == began.date() else f"{ended:%Y-%m-%d} "
    return f"{began:%Y-%m-%d %H:%M:%S} to {day}{ended:%H:%M:%S} UTC"


def headline(run: Run) -> str:
    """The error, the state and the duration, without the status."""
    state, where = run.failed, ""
    if state and run.status not in ("SUCCEEDED", "RUNNING"):
        where = f" in {state.name}"
    if run.status == "RUNNING" and (open_ := [v for v in run.visits if v.outcome == "running"]):
        where = f"in {open_[-1].name}"
    return f"{run.error}{where}, after {duration(run.seconds)}".lstrip(", ")


def cause_of(attempt: Attempt) -> str:
    """The cause, without the JSON and the stack trace that Lambda adds."""
    with suppress(ValueError, KeyError, TypeError):
        return str(json.loads(attempt.cause)["errorMessage"])
    return attempt.cause


def item_name(visit: Visit) -> str:
    """A Map's item, by the input of its first state: an endpoint's address, or its beginning."""
    with suppress(ValueError, KeyError, TypeError):
        endpoint = json.loads(visit.input)["Endpoint"]
        return f"{endpoint['Address']}:{endpoint['Port']} of {endpoint['Cache']}"
    return shortened(visit.input, 40)


def shortened(text: str, most: int) -> str:
    """The text, or its beginning and an ellipsis."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def selected(visits: Sequence[list[Visit]]) -> list[list[Visit]]:
    """Those worth showing, in their order: the eventful ones, and a few others."""
    uneventful = [all(visit.uneventful for visit in group) for group in visits]
    shown = [at for at, quiet in enumerate(uneventful) if not quiet][:_MOST_EVENTFUL]
    shown += [at for at, quiet in enumerate(uneventful) if quiet][:_MOST_UNEVENTFUL]
    return [visits[at] for at in sorted(shown)]


def plain(text: str) -> str:
    """Without what a terminal would act on, such as escape sequences; a line break is a space."""
    return "".join(
        " " if char in "\n\t" else "�" if unicodedata.category(char) in ("Cc", "Cf") else char
        for char in text
    )


def print_wrapped(
    text: str, console: Console, first: str = "", indent: int = 0, style: str = ""
) -> None:
    """Print a paragraph; `first` begins its first line."""
    # Rich fills a line up with spaces, which a ticket keeps.
    for line in textwrap.wrap(
        plain(text),
        console.width,
        initial_indent=first,
        subsequent_indent=" " * indent,
        break_on_hyphens=False,  # ARNs and addresses are to be copied
    ):
        console.print(Text(line, style), soft_wrap=True)
