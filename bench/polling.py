"""When to look at a user that is being modified: rules compared, over modifying times to 1800 s.

Each look is three transitions. A late look costs time only: both passwords log in by then.
``python -m bench.polling`` prints the table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import mean

from rich.table import Table

from bench.figures import LONG_SECONDS, MOST_TRANSITIONS, allowed_lateness
from rotation.records.modification import (
    FIRST_LOOKS,
    LONGEST_WAIT_SECONDS,
    SHORTEST_WAIT_SECONDS,
    wait_after,
)

#: Transitions of a rotation with two nodes beside its looks: 14 states, and 2 for each node.
OTHERS, LOOK = 18, 3
RANGES = ((1, 60), (61, 300), (301, 1800))
Rule = Callable[[int], float]


def share(of: float) -> Rule:
    """Waits that are this share of the time already waited."""
    return lambda seconds: min(round(seconds * of), LONGEST_WAIT_SECONDS)


RULES: Mapping[str, Rule] = {
    "40 % of the time waited": share(0.4),
    "20 % of the time waited": share(0.2),
    "as long as already waited": share(1.0),
    f"at {', '.join(map(str, FIRST_LOOKS))} s, then 20 % (chosen)": wait_after,
}


@dataclass(frozen=True)
class Judgment:
    """A rule's figures: transitions at 300 s, and by range how late its last look is.

    `late` is the mean and most seconds, and the share of modifying times that miss the target.
    """

    rule: str
    at_300: int
    late: dict[str, tuple[float, float, float]]


def looks(rule: Rule, modifying: float) -> tuple[int, float]:
    """How many looks it takes, and how late the last one is."""
    number, at = 1, float(FIRST_LOOKS[0])
    while at < modifying:
        at += max(rule(round(at)), SHORTEST_WAIT_SECONDS)
        number += 1
    return number, at - modifying


def judge(name: str, rule: Rule) -> Judgment:
    """Over every whole second of the ranges."""
    late = {}
    for first, last in RANGES:
        times = range(first, last + 1)
        delays = [looks(rule, each)[1] for each in times]
        missed = [d > allowed_lateness(t) for t, d in zip(times, delays, strict=True)]
        late[f"{first}-{last} s"] = (mean(delays), max(delays), mean(missed))
    return Judgment(name, OTHERS + LOOK * looks(rule, LONG_SECONDS)[0], late)


def lines() -> list[list[str]]:
    """The table's headings, and a line for each rule."""
    head = ["rule", f"transitions at {LONG_SECONDS} s (at most {MOST_TRANSITIONS})"]
    head += [f"{a}-{b} s: late by, at most, times missed" for a, b in RANGES]
    judged = [judge(name, rule) for name, rule in RULES.items()]
    return [head, *([it.rule, str(it.at_300), *map(_cell, it.late.values())] for it in judged)]


def _cell(late: tuple[float, float, float]) -> str:
    mean_seconds, most_seconds, missed = late
    return f"{mean_seconds:.1f} s, {most_seconds:.0f} s, {missed:.0%}"


def table(title: str, lines: list[list[str]]) -> Table:
    """For the terminal."""
    made = Table(title=title, title_justify="left")
    for column in lines[0]:
        made.add_column(column)
    for line in lines[1:]:
        made.add_row(*line)
    return made


if __name__ == "__main__":
    from rich.console import Console

    Console().print(table("When to look at a user", lines()))
