"""The table of a run's states in a terminal: of an ended run, or while it goes on."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from report.run import Attempt, Run, Visit, worst
from report.source import Reading
from report.wording import SIGNS, cause_of, duration, item_name, plain, print_wrapped, selected

_INDENT = 8
_LONGEST_LOOP = 8
#: While nothing changes, output that is not a terminal gets a line this often.
_SIGN_OF_LIFE_SECONDS = 30.0


def show_states(run: Run, console: Console) -> None:
    """Print the table."""
    _print_heading(console)
    for group in folded(run.top()):
        _print_group(run, group, console)
    if not run.top():
        console.print("  no state was entered")


def follow(reading: Reading, console: Console, poll_seconds: float) -> Run:
    """Print each state when it was left, until the execution ends; the ended run.

    Raises:
        SourceError, HistoryError: as `Reading.refresh`.
    """
    _print_heading(console)
    shown, printed_at = 0, time.monotonic()
    with console.status("") as status:
        while True:
            run = reading.refresh()
            over = run.status != "RUNNING"
            for visit in run.top()[shown : None if over else -1]:
                _print_group(run, [visit], console)
                shown, printed_at = shown + 1, time.monotonic()
            if over:
                return run
            now = _now(run)
            status.update(now)
            if not console.is_terminal and time.monotonic() - printed_at > _SIGN_OF_LIFE_SECONDS:
                console.print(f"{'':10}still {now}")
                printed_at = time.monotonic()
            time.sleep(poll_seconds)


def _now(run: Run) -> str:
    within = [visit.name for visit in run.visits if visit.outcome == "running"]
    seconds = (datetime.now(UTC) - run.started).total_seconds()
    return f"{plain(within[-1]) if within else ''} {duration(seconds)}".strip()


def folded(visits: Sequence[Visit]) -> Iterator[list[Visit]]:
    """The visits in groups: all rounds of a loop, such as waiting for the user, are one group."""
    names = [visit.name for visit in visits]
    at = 0
    while at < len(names):
        length = 1
        for period in range(1, _LONGEST_LOOP + 1):
            rounds = 1
            while names[at : at + period] == names[at + rounds * period :][:period]:
                rounds += 1
            if rounds > 1:
                length = rounds * period
                break
        yield list(visits[at : at + length])
        at += length


def _print_heading(console: Console) -> None:
    console.print(Text(f"{'at (UTC)':>9}{'took':>12}  state", "bold"))


def _print_group(run: Run, group: list[Visit], console: Console) -> None:
    """Print a state, or a loop, on one line; below it its failed attempts and a Map's items."""
    took = (group[-1].ended(run) - group[0].entered).total_seconds()
    names = list(dict.fromkeys(visit.name for visit in group))
    label = names[0]
    if len(group) > 1:
        label = f"{names[0]} … {names[-1]} x{len(group) // len(names)}".replace("… …", "…")
    sign, style = SIGNS[worst(group)]
    line = Text(f"{group[0].entered.astimezone(UTC):%H:%M:%S} {duration(took):>12}  ")
    line.append(f"{sign} {plain(label):<32.32}", style)
    line.append(plain(next(filter(None, map(_note, reversed(group))), "")), "dim")
    line.rstrip()
    console.print(line, no_wrap=True, overflow="crop")
    for visit in group:
        if visit.type not in ("Map", "Parallel") or len(visit.attempts) > 1:
            _print_failures(run, visit, console)
        _print_inner(run, visit, console)


def _note(visit: Visit) -> str:
    """What a state of this project's state machine found."""
    with suppress(ValueError, KeyError, TypeError):
        state = json.loads(visit.output)
        if visit.name in ("Modify User", "Describe User"):
            status, seconds = state["Modification"]["Status"], state["Modification"]["Seconds"]
            return f"user {status} {'after' if status == 'active' else 'for'} {seconds} s"
        if visit.name.startswith("Find Endpoints"):
            count = state["Network"]["Count"]
            return f"{count} endpoint{'' if count == 1 else 's'}"
    return ""


def _print_failures(run: Run, visit: Visit, console: Console) -> None:
    # Attempts whose causes differ only in numbers, such as seconds, are one line.
    groups: dict[str, list[Attempt]] = {}
    for attempt in visit.failures:
        key = re.sub(r"\d+", "", f"{attempt.error} {cause_of(attempt)}")
        groups.setdefault(key, []).append(attempt)
    for alike in groups.values():
        error, cause = alike[-1].error, cause_of(alike[-1])
        # The cause that ends the run is above the table.
        more = f": {cause}" if cause and cause != run.cause else ""
        text = f"{_failed(len(alike), len(visit.attempts))}: {error}{more}"
        print_wrapped(text, console, " " * _INDENT, _INDENT + 2, "yellow")


def _print_inner(run: Run, visit: Visit, console: Console) -> None:
    """Print the states inside a Parallel, or the items of a Map."""
    if visit.type == "Parallel":
        for inner in (inner for inner in run.visits if inner.within is visit):
            sign, style = SIGNS[inner.outcome]
            took = duration(inner.seconds(run))
            console.print(Text(f"{'':{_INDENT}}{sign} {plain(inner.name)}, {took}", style))
            _print_inner(run, inner, console)
        return
    items: dict[tuple[int, int], list[Visit]] = {}
    for inner in run.visits:
        if inner.within is visit and inner.iteration is not None:
            items.setdefault((inner.round, inner.iteration), []).append(inner)
    shown = selected([items[key] for key in sorted(items)])
    width = max((len(item_name(visits[0])) for visits in shown), default=0)
    for visits in shown:
        outcome = worst(visits)
        sign, style = SIGNS[outcome]
        errors = Counter(attempt.error for inner in visits for attempt in inner.failures)
        attempts = sum(len(inner.attempts) for inner in visits)
        text = "; ".join(f"{_failed(n, attempts)}: {error}" for error, n in errors.items())
        seconds = (visits[-1].ended(run) - visits[0].entered).total_seconds()
        line = Text(f"{'':{_INDENT}}{sign} {plain(item_name(visits[0])):<{width}}", style)
        line.append(f"{duration(seconds):>14}  {plain(text or outcome)}", "default")
        console.print(line, soft_wrap=True)
    if len(items) > len(shown):
        console.print(f"{'':{_INDENT}}and {len(items) - len(shown)} more")


def _failed(failed: int, attempts: int) -> str:
    """``7 of 8 attempts failed``."""
    if attempts == 1:
        return "failed"
    return f"{'all' if failed == attempts else f'{failed} of'} {attempts} attempts failed"
