"""A run in the terminal: the outcome first, then the states in the order passed."""

from __future__ import annotations

import json
import re
import textwrap
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from report.about import About
from report.history import Attempt, Run, Visit, folded, time_of, worst
from report.remedy import Remedy, without_links
from report.source import secret_of

SIGNS = {
    "succeeded": ("✓", "green"),
    "caught": ("!", "yellow"),
    "failed": ("✗", "red"),
    "timed out": ("✗", "red"),
    "aborted": ("■", "magenta"),
    "running": ("…", "cyan"),
}
_STYLES = {"SUCCEEDED": "bold green", "RUNNING": "bold cyan", "ABORTED": "bold magenta"}
_BAR = 20
_INDENT = 8
#: Where nobody was asked.
SINCE_UNKNOWN = "Since then: unknown (a history tells of its own run only)"
#: Of a Map's items, or a state's visits: those that tell something, and those that do not.
MOST_TOLD, MOST_QUIET = 20, 5


def duration(seconds: float) -> str:
    """``0.4 s``, ``2 min 5 s``, ``3 h 20 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def seconds_of(run: Run, visit: Visit) -> float:
    """How long the state took, or has taken so far."""
    return max((visit.ended(run) - visit.entered).total_seconds(), 0.0)


def items(run: Run, state: Visit) -> tuple[list[list[Visit]], int]:
    """A Map's iterations, each by its visits: those that tell something, and how many more."""
    by_item: dict[tuple[int, int | None], list[Visit]] = {}
    for visit in run.visits:
        if visit.within is state and visit.iteration is not None:
            by_item.setdefault((visit.round, visit.iteration), []).append(visit)
    found = [by_item[key] for key in sorted(by_item, key=lambda key: (key[0], key[1] or 0))]
    told = [each for each in found if not all(visit.quiet for visit in each)][:MOST_TOLD]
    quiet = [each for each in found if all(visit.quiet for visit in each)][:MOST_QUIET]
    return sorted([*told, *quiet], key=found.index), len(found) - len(told) - len(quiet)


def item_name(visits: list[Visit]) -> str:
    """Our endpoint's address, or the beginning of what the iteration was given."""
    with suppress(ValueError, KeyError, TypeError):
        endpoint = json.loads(visits[0].input)["Endpoint"]
        return f"{endpoint['Address']}:{endpoint['Port']} of {endpoint['Cache']}"
    given = visits[0].input
    return given if len(given) <= 40 else f"{given[:39]}…"


def cause_of(attempt: Attempt) -> str:
    """What went wrong, without the JSON that Lambda puts around it, with a stack trace."""
    with suppress(ValueError, KeyError, TypeError):
        return str(json.loads(attempt.cause)["errorMessage"])
    return attempt.cause


def when(run: Run) -> str:
    """From its start to its end, by the clock."""
    began = run.started.astimezone(UTC)
    if run.status == "RUNNING":
        return f"since {began:%Y-%m-%d %H:%M:%S} UTC"
    ended = run.stopped.astimezone(UTC)
    day = "" if ended.date() == began.date() else f"{ended:%Y-%m-%d} "
    return f"{began:%Y-%m-%d %H:%M:%S} to {day}{ended:%H:%M:%S} UTC"


def headline(run: Run) -> str:
    """What happened, in a line without the status."""
    state, where = run.failed, ""
    if state and run.status not in ("SUCCEEDED", "RUNNING"):
        where = f" in {state.name}"
    if run.status == "RUNNING" and (open_ := [v for v in run.visits if v.outcome == "running"]):
        where = f"in {open_[-1].name}"
    return f"{run.error}{where}, after {duration(run.seconds)}".lstrip(", ")


def show(run: Run, remedy: Remedy | None, console: Console) -> None:
    """Print the whole report."""
    show_outcome(run, remedy, console)
    console.print()
    show_heading(console)
    for group in folded(run.top()):
        show_group(run, group, run.seconds, console)
    if not run.top():
        console.print("  no state was entered")
    console.print()
    about = About.of(run)
    where = [("execution", about.arn), ("console", about.console)]
    for name, text in [*where, ("input", run.input), ("output", run.output)]:
        if text:
            # One line, to be copied.
            console.print(f"{name:<12}{plain(text)}", soft_wrap=True)


def show_outcome(run: Run, remedy: Remedy | None, console: Console, *, brief: bool = False) -> None:
    """Print what happened, what was left, and what to do; `brief` leaves out what was left."""
    if remedy and remedy.clients:
        _print_wrapped(remedy.clients, console, style="bold")
        if not brief:
            _print_wrapped(remedy.since or SINCE_UNKNOWN, console)
    console.print(
        Text(run.status, _STYLES.get(run.status, "bold red")), Text(plain(headline(run)), "bold")
    )
    if not brief:
        if line := About.of(run).line:
            _print_wrapped(line, console)
        console.print(f"{plain(run.name)}, {when(run)}", soft_wrap=True)
    facts = [("cause", run.cause)]
    if remedy and not brief:
        facts.append(("meaning", _prose(remedy.meaning)))
    if run.redrives:
        facts.append(("redriven", f"{run.redrives} times"))
    facts += [("note", note) for note in run.notes]
    for name, fact in facts:
        _print_fact("" if brief else name, fact, console)
    if remedy and remedy.todo:
        if not brief:
            console.print()
        _print_todo(remedy, console)
        if not brief:
            console.print()
    if remedy and not brief:
        for name, fact in remedy.left:
            _print_fact(name, fact, console)


def _print_fact(name: str, fact: str, console: Console) -> None:
    if fact:
        first = f"{name:<12}" if name else ""
        _print_wrapped(fact, console, first, len(first))


def _print_todo(remedy: Remedy, console: Console) -> None:
    console.print(Text("What to do", "bold"), Text(f"(docs/troubleshooting.md, {remedy.heading})"))
    for number, block in enumerate(re.split(r"^\s*```\w*\n?", remedy.todo, flags=re.M)):
        if number % 2:
            # A command stays one that can be copied.
            lines = map(plain, block.rstrip().splitlines())
            console.print(Text("\n".join(lines)), soft_wrap=True)
        elif block.strip():
            _print_wrapped(_prose(block), console)
    retried = f"Will the next rotation succeed without action? {_prose(remedy.retried)}"
    _print_wrapped(retried, console)


def show_heading(console: Console) -> None:
    """Print the head of the table of states."""
    console.print(Text(f"{'at (UTC)':>9}{'took':>12}  state", "bold"))


def show_group(run: Run, group: list[Visit], whole: float, console: Console) -> None:
    """Print a state, or a loop in one line; below it its failed attempts, and a Map's items.

    `whole` is how many seconds the longest bar stands for; with 0 a note stands in its place.
    """
    first, last = group[0], group[-1]
    took = (last.ended(run) - first.entered).total_seconds()
    at = (first.entered - run.started).total_seconds()
    names = list(dict.fromkeys(visit.name for visit in group))
    label = names[0]
    if len(group) > 1:
        label = f"{names[0]} … {names[-1]} x{len(group) // len(names)}".replace("… …", "…")
    sign, style = SIGNS[worst(group)]
    line = Text(f"{first.entered.astimezone(UTC):%H:%M:%S} {duration(took):>12}  ")
    line.append(f"{sign} {plain(label):<32.32}", style)
    line.append(*(_bar(at, took, whole), style) if whole else (plain(note_of(first)), "dim"))
    line.rstrip()
    console.print(line, no_wrap=True, overflow="crop")
    for visit in group:
        inside = visit.type in ("Map", "Parallel") and len(visit.attempts) == 1
        for same in _alike(visit.failures) if not inside else ():
            error, cause = same[-1].error, cause_of(same[-1])
            # The cause that ends the run stands at the top.
            more = f": {cause}" if cause and cause != run.cause else ""
            tried = f"{failed_of(len(same), len(visit.attempts))}: {error}{more}"
            _print_wrapped(tried, console, " " * _INDENT, _INDENT + 2, "yellow")
        _show_inner(run, visit, console)


def _alike(failures: Iterable[Attempt]) -> Iterable[list[Attempt]]:
    """The attempts in groups that differ in numbers only, such as how long it was tried."""
    groups: dict[str, list[Attempt]] = {}
    for attempt in failures:
        key = re.sub(r"\d+", "", f"{attempt.error} {cause_of(attempt)}")
        groups.setdefault(key, []).append(attempt)
    return groups.values()


def _show_inner(run: Run, visit: Visit, console: Console) -> None:
    if visit.type == "Parallel":
        for inner in (each for each in run.visits if each.within is visit):
            sign, style = SIGNS[inner.outcome]
            took = duration(seconds_of(run, inner))
            console.print(Text(f"{'':{_INDENT}}{sign} {plain(inner.name)}, {took}", style))
            _show_inner(run, inner, console)
        return
    shown, more = items(run, visit)
    if not shown:
        return
    width = max(len(item_name(visits)) for visits in shown)
    for visits in shown:
        outcome = worst(visits)
        sign, style = SIGNS[outcome]
        errors = Counter(attempt.error for each in visits for attempt in each.failures)
        tries = sum(len(each.attempts) for each in visits)
        told = "; ".join(f"{failed_of(n, tries)}: {error}" for error, n in errors.items())
        seconds = (visits[-1].ended(run) - visits[0].entered).total_seconds()
        line = Text(f"{'':{_INDENT}}{sign} {plain(item_name(visits)):<{width}}", style)
        line.append(f"{duration(seconds):>14}  {plain(told or outcome)}", "default")
        console.print(line, soft_wrap=True)
    if more:
        console.print(f"{'':{_INDENT}}and {more} more")


def show_executions(found: Iterable[Mapping[str, Any]], now: datetime, console: Console) -> None:
    """Print a line for each execution: when, who started it, the secret, outcome, duration."""
    empty = True
    for execution in found:
        empty = False
        started = time_of(execution["startDate"])
        took = duration((time_of(execution.get("stopDate") or now) - started).total_seconds())
        status = execution["status"]
        line = Text(f"{started.astimezone(UTC):%Y-%m-%d %H:%M} UTC  ")
        line.append(f"{status:<10}", _STYLES.get(status, "bold red"))
        line.append(f"{took:>12}  {plain(secret_of(execution))}  {plain(_who(execution))}")
        console.print(line, soft_wrap=True)
        console.print(Text(f"  {plain(execution['executionArn'])}", "dim"), soft_wrap=True)
    if empty:
        console.print("This machine has no such execution.")


def _who(execution: Mapping[str, Any]) -> str:
    name = str(execution["name"])
    # The rotation function names its own so: the token, a UUID, and the attempt.
    if match := re.fullmatch(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(-dry-run)?-(\d+)", name):
        return f"{'dry run, ' if match[1] else ''}attempt {match[2]}"
    return f"by hand: {name}"


def plain(text: str) -> str:
    """Without what a terminal would act on, such as escape sequences; a line break is a space."""
    return "".join(
        " " if char in "\n\t" else "�" if unicodedata.category(char) in ("Cc", "Cf") else char
        for char in text
    )


def _print_wrapped(
    text: str, console: Console, first: str = "", indent: int = 0, style: str = ""
) -> None:
    # Rich fills a line up with spaces, which a ticket keeps.
    for line in textwrap.wrap(
        plain(text),
        console.width,
        initial_indent=first,
        subsequent_indent=" " * indent,
        break_on_hyphens=False,  # ARNs and addresses are to be copied
    ):
        console.print(Text(line, style), soft_wrap=True)


def _prose(markdown: str) -> str:
    return " ".join(without_links(markdown).replace("*", "").split())


def failed_of(failed: int, tries: int) -> str:
    """In words: ``7 of 8 attempts failed``."""
    if tries == 1:
        return "failed"
    return f"{'all' if failed == tries else f'{failed} of'} {tries} attempts failed"


def note_of(visit: Visit) -> str:
    """What a state of our machine has found; empty where that is nothing."""
    with suppress(ValueError, KeyError, TypeError):
        left = json.loads(visit.output)
        if visit.name in ("Modify User", "Describe User"):
            status, seconds = left["Modification"]["Status"], left["Modification"]["Seconds"]
            return f"user {status} {'after' if status == 'active' else 'for'} {seconds} s"
        if visit.name.startswith("Find Endpoints"):
            count = left["Network"]["Count"]
            return f"{count} endpoint{'' if count == 1 else 's'}"
    return ""


def _bar(at: float, took: float, whole: float) -> str:
    begin = min(round(at / whole * _BAR), _BAR - 1)
    return " " * begin + "█" * min(max(round(took / whole * _BAR), 1), _BAR - begin)
