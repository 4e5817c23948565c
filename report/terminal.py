"""A run in the terminal: what happened and what to do first, then the states."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from report.about import About
from report.history import time_of
from report.remedy import Remedy, without_links
from report.run import Run
from report.source import secret_of
from report.table import show_states
from report.wording import duration, headline, plain, print_wrapped, when
from rotation.records.execution_name import ExecutionName

_STYLES = {"SUCCEEDED": "bold green", "RUNNING": "bold cyan", "ABORTED": "bold magenta"}


def show(run: Run, remedy: Remedy | None, console: Console) -> None:
    """Print the whole report."""
    show_outcome(run, remedy, console)
    console.print()
    show_states(run, console)
    console.print()
    about = About.of(run)
    facts = {
        "execution": about.arn,
        "console": about.console,
        "input": run.input,
        "output": run.output,
    }
    for name, text in facts.items():
        if text:
            # One line, to be copied.
            console.print(f"{name:<12}{plain(text)}", soft_wrap=True)


def show_outcome(run: Run, remedy: Remedy | None, console: Console) -> None:
    """Print what happened, what to do, and what the run has left."""
    _print_status(run, remedy, console, since=remedy.since if remedy else "")
    if line := About.of(run).line:
        print_wrapped(line, console)
    console.print(f"{plain(run.name)}, {when(run)}", soft_wrap=True)
    facts = [
        ("cause", run.cause),
        ("meaning", _prose(remedy.meaning) if remedy else ""),
        ("redriven", f"{run.redrives} times" if run.redrives else ""),
        *(("note", note) for note in run.notes),
    ]
    _print_facts(facts, console)
    if remedy and remedy.todo:
        console.print()
        _print_todo(remedy, console)
        retried = f"Will the next rotation succeed without action? {_prose(remedy.retried)}"
        print_wrapped(retried, console)
        console.print()
    if remedy:
        _print_facts(remedy.left, console)


def show_failure(run: Run, remedy: Remedy | None, console: Console) -> None:
    """Print what happened and what to do, on one screen."""
    _print_status(run, remedy, console)
    print_wrapped(run.cause, console)
    if remedy and remedy.todo:
        _print_todo(remedy, console)


def _print_status(run: Run, remedy: Remedy | None, console: Console, since: str = "") -> None:
    if remedy:
        print_wrapped(remedy.clients, console, style="bold")
        print_wrapped(since, console)
    status = Text(run.status, _STYLES.get(run.status, "bold red"))
    console.print(status, Text(plain(headline(run)), "bold"))


def _print_facts(facts: Iterable[tuple[str, str]], console: Console) -> None:
    for name, fact in facts:
        if fact:
            print_wrapped(fact, console, f"{name:<12}", 12)


def _print_todo(remedy: Remedy, console: Console) -> None:
    console.print(Text("What to do", "bold"), Text(f"(docs/troubleshooting.md, {remedy.heading})"))
    for number, block in enumerate(re.split(r"^\s*```\w*\n?", remedy.todo, flags=re.M)):
        if number % 2:
            # A command is not wrapped, so that it can be copied.
            lines = map(plain, block.rstrip().splitlines())
            console.print(Text("\n".join(lines)), soft_wrap=True)
        elif block.strip():
            print_wrapped(_prose(block), console)


def _prose(markdown: str) -> str:
    return " ".join(without_links(markdown).replace("*", "").split())


def show_executions(
    executions: Iterable[Mapping[str, Any]], now: datetime, console: Console
) -> None:
    """Print each execution: when, its status and duration, the secret, and who started it."""
    empty = True
    for execution in executions:
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
        console.print("The state machine has no executions.")


def _who(execution: Mapping[str, Any]) -> str:
    if name := ExecutionName.parse(execution["executionArn"]):
        return f"{'dry run, ' if name.dry_run else ''}attempt {name.attempt}"
    return f"by hand: {execution['name']}"
