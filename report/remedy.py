"""What only our machine's report has: what the run has left, and the page for whoever is called.

The page is docs/troubleshooting.md; without a checkout there is none, and no remedy.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from report.history import Run

PAGE = Path(__file__).parents[1] / "docs" / "troubleshooting.md"
_STOPPED = (
    "Both passwords are on the user, perhaps: Roll Back has not run.",
    "is on its version, perhaps: start an execution by hand",
)


@dataclass(frozen=True)
class Remedy:
    """Sentences on the secret's labels and the user, and the page's entry on the error."""

    current: str
    pending: str
    user: str = ""
    heading: str = ""  # of the entry
    meaning: str = ""
    todo: str = ""  # Markdown, with commands
    retried: str = ""  # whether the next rotation gets past it


def remedy_of(run: Run) -> Remedy | None:
    """The remedy of a run of our machine; None for any other machine's."""
    visits = {visit.name: visit for visit in run.top()}
    checked = visits.get("Check Target")
    if checked is None or "Read Input" not in visits:
        return None
    target: dict[str, Any] = {}
    with suppress(ValueError, TypeError, KeyError):
        target = json.loads(checked.output)["Target"]
    version, before = target.get("VersionId", ""), target.get("CurrentVersionId", "")
    done = {name for name, visit in visits.items() if visit.outcome == "succeeded"}
    current = f"is version {before}, as before" if before else "is as before"
    pending = "is not known: the run did not get so far"
    user = ""
    if "Promote Version" in done:
        current, pending = (
            f"is version {version}, which this run has set",
            "is removed: the rotation has ended",
        )
    elif run.status == "SUCCEEDED":
        pending = "is as before: a dry run changes nothing"
    elif run.status == "RUNNING":
        pending = f"is version {version}" if "Generate Password" in done else "is as before"
    elif run.status in ("ABORTED", "TIMED_OUT"):
        user, pending = _STOPPED
    else:
        for leaves_user, leaves_pending in _left(run.cause):
            user, pending = leaves_user, leaves_pending
    if run.status in ("SUCCEEDED", "RUNNING"):
        return Remedy(current, pending)
    error = run.error if run.status == "FAILED" else run.status
    return Remedy(current, pending, user, *_entry(error))


def log_group(run: Run) -> str:
    """Where all functions of our machine's stack log: template.yaml names the two after it."""
    machine = run.machine_arn.rsplit(":", 1)[-1]
    stack = machine.removesuffix("-rotation")
    return f"/aws/lambda/{stack}" if stack and stack != machine else ""


def without_links(markdown: str) -> str:
    """The links' words alone: the page that they are relative to is elsewhere."""
    return re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", markdown)


def _left(cause: str) -> Iterator[tuple[str, str]]:
    """What the page says is left of the user, and of AWSPENDING, for each sentence of the cause."""
    for row in re.findall(r"^\| (`.+`) \| (.+) \| (.+) \|$", _text(), re.M):
        # A capital word, or a number, stands for what differs from run to run.
        quotes = [re.escape(quote) for quote in re.findall(r"`([^`]+)`", row[0])]
        patterns = [re.sub(r"\b([A-Z]{2,}_ID|CAUSE|ERROR|\d+)\b", ".+", each) for each in quotes]
        if all(re.search(pattern, cause, re.S) for pattern in patterns):
            yield row[1], row[2].removeprefix("AWSPENDING ")


def _entry(error: str) -> tuple[str, str, str, str]:
    """The heading and the parts of the error's entry; empty when there is none."""
    found = re.split(r"^### (.+)$", _text(), flags=re.M)
    for heading, text in zip(found[1::2], found[2::2], strict=True):
        names = heading.split(" and ")
        if not any(re.fullmatch(re.escape(n).replace(r"\*", ".+"), error) for n in names):
            continue
        body = re.split(r"^## ", text, flags=re.M)[0]
        parts = dict(re.findall(r"^\*\*(.+?)\*\*(.*?)(?=^\*\*|\Z)", body, re.M | re.S))
        wanted = ("What it means.", "What to do.", "Does the next rotation get past it by itself?")
        meaning, todo, retried = (parts.get(name, "").strip() for name in wanted)
        return heading, meaning, todo, retried
    return "", "", "", ""


@cache
def _text() -> str:
    with suppress(OSError):
        return PAGE.read_text(encoding="utf-8")
    return ""
