"""When to look at a user that is being modified: rules compared, over modifying times to 1800 s.

Each look is three transitions. A late look costs time only: both passwords log in by then.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
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
class Judgement:
    """A rule's figures; `late` is mean and most seconds, and what share of times misses, by range.

    `at_300` is the transitions at 300 s.
    """

    rule: str
    at_300: int
    late: dict[str, tuple[float, float, float]]


def looks(rule: Rule) -> Iterator[float]:
    """The times of the looks, in seconds."""
    seconds = float(FIRST_LOOKS[0])
    while True:
        yield seconds
        seconds += max(rule(round(seconds)), SHORTEST_WAIT_SECONDS)


def seen(rule: Rule, modifying: float) -> tuple[int, float]:
    """How many looks it takes, and how late the last one is."""
    for number, at in enumerate(looks(rule), 1):
        if at >= modifying:
            return number, at - modifying
    raise AssertionError("looks do not end")


def judge(name: str, rule: Rule) -> Judgement:
    """Over every whole second of the ranges."""
    late = {}
    for first, last in RANGES:
        times = range(first, last + 1)
        delays = [seen(rule, each)[1] for each in times]
        missed = [d > allowed_lateness(t) for t, d in zip(times, delays, strict=True)]
        late[f"{first}-{last} s"] = (mean(delays), max(delays), mean(missed))
    return Judgement(name, OTHERS + LOOK * seen(rule, LONG_SECONDS)[0], late)


def judgements() -> list[dict[str, object]]:
    """All rules, as JSON."""
    return [asdict(judge(name, rule)) for name, rule in RULES.items()]


def rows() -> list[list[str]]:
    """The table's head, and a line for each rule."""
    head = ["rule", f"transitions at {LONG_SECONDS} s (at most {MOST_TRANSITIONS})"]
    head += [f"{a}-{b} s: late by, at most, times missed" for a, b in RANGES]
    body = []
    for name, rule in RULES.items():
        found = judge(name, rule)
        cells = [f"{m:.1f} s, {most:.0f} s, {gone:.0%}" for m, most, gone in found.late.values()]
        body.append([name, str(found.at_300), *cells])
    return [head, *body]


def table(title: str, lines: list[list[str]]) -> Table:
    """For people."""
    made = Table(title=title, title_justify="left")
    for column in lines[0]:
        made.add_column(column)
    for line in lines[1:]:
        made.add_row(*line)
    return made


if __name__ == "__main__":
    from rich.console import Console

    Console().print(table("When to look at a user", rows()))
