"""The results as tables: for the terminal by rich, for the pages of docs/ as Markdown."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from bench import polling
from bench.figures import (
    MOST_DOLLARS,
    MOST_TIMES_BOTO3,
    MOST_TRANSITIONS,
    allowed_lateness,
    lambda_bill,
)
from report.cost import TASK_GB, WAITING_GB, Cost

Row = dict[str, Any]
#: What a column shows of a row, by its heading.
Columns = Mapping[str, Callable[[Row], str]]
Lines = list[list[str]]
NO_REFERENCE = "not measured: no REFERENCE"


def of(result: Row) -> dict[str, Lines]:
    """Each table's title, and its lines with the headings first."""
    at_once = result["overhead"]["at_once"]
    first = {
        "case": f"{at_once['count']} at once, groups of their own",
        "where": "local AWS",
        "asked": at_once["count"],
        "promoted": at_once["count"],
        "seconds": at_once["most"],
        "calls": {},
        "transitions": [],
    }
    return {
        "Overhead on the local AWS": _lines(_OVERHEAD, result["overhead"]["rotations"]),
        "Waits in one process": _lines(_WAITS, result["scaled"]),
        "Cost": _lines(_COST, _with_costs(result)),
        "Scale": _lines(_SCALE, [first, *result["scale"]]),
        "When to look at a user": polling.lines(),
        "Cold start": _lines(_COLD_START, result["cold_start"]),
    }


def markdown(lines: Lines) -> str:
    """A table."""
    head, *body = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([head, "| --- " * len(lines[0]) + "|", *body])


def updated(page: str, result: Row) -> str:
    """The page with the result's tables, each between the comments of its title."""
    texts = {title: markdown(lines) for title, lines in of(result).items()}
    functions, layer = result["package_kilobytes"]
    texts["Measured on"] = (
        f"Measured on {result['date']}: {result['machine']}, load {result['load']:.1f}, "
        f"{result['repetitions']} repetitions; functions/ has {functions:.0f} KB, the layer "
        f"{layer / 1024:.1f} MB."
    )
    for title, text in texts.items():
        block = re.compile(rf"(<!-- {title} -->\n).*?(<!-- end -->)", re.DOTALL)
        page = block.sub(lambda at, text=text: f"{at[1]}{text}\n{at[2]}", page)  # type: ignore[misc]
    return page


def _lines(columns: Columns, rows: Iterable[Row]) -> Lines:
    return [list(columns), *([show(row) for show in columns.values()] for row in rows)]


def _of_reference(show: Callable[[Row, Any], str]) -> Callable[[Row], str]:
    """What the column shows of a row and of the reference's figures in it, if there are any."""
    return lambda row: show(row, row["reference"]) if row.get("reference") else NO_REFERENCE


def _spread(spread: Mapping[str, float]) -> str:
    return f"{spread['median']:.2f} s ({spread['least']:.2f}-{spread['most']:.2f})"


def _is_met(met: bool) -> str:
    return "met" if met else "missed"


def _overhead_target(row: Row) -> str:
    ours, reference = row["ours"]["median"], row.get("reference")
    allowed = allowed_lateness(row["modifying"])
    met = ours <= allowed and (not reference or ours <= reference["median"])
    return f"{allowed:g} s{' and the reference' if reference else ''}: {_is_met(met)}"


_OVERHEAD: Columns = {
    "modifying": lambda row: f"{row['modifying']} s",
    "ours": lambda row: _spread(row["ours"]),
    "reference": _of_reference(lambda _, reference: _spread(reference)),
    "ours / reference": _of_reference(
        lambda row, reference: f"{row['ours']['median'] / reference['median']:.2f}"
    ),
    "target": _overhead_target,
}


def _late(row: Row, run: Row) -> float:
    return float(run["seconds"] - row["modifying"])


_WAITS: Columns = {
    "modifying": lambda row: f"{row['modifying']} s",
    "ours, later by": lambda row: f"{_late(row, row['ours']):.0f} s",
    "reference, later by": _of_reference(lambda row, run: f"{_late(row, run):.0f} s"),
    "at most": lambda row: f"{allowed_lateness(row['modifying']):g} s",
    "target": lambda row: _is_met(_late(row, row["ours"]) <= allowed_lateness(row["modifying"])),
}


def _with_costs(result: Row) -> Iterator[Row]:
    for row in result["scaled"]:
        ours, reference = row["ours"], row["reference"]
        [transitions], [invocations] = ours["transitions"], ours["invocations"]
        seconds = invocations * result["overhead"]["seconds_per_invocation"]
        cost = Cost(transitions, invocations, seconds, ours["rotation_seconds"][0] + seconds)
        bill = lambda_bill(reference["rotation_seconds"][0]) if reference else None
        yield {**row, "cost": cost, "bill": bill}


def _tasks(cost: Cost) -> str:
    seconds = cost.task_seconds
    used = f"{cost.invocations}, {seconds * 1000:.0f} ms, {seconds * TASK_GB:.2f} GB-s"
    return f"{used} → ${cost.tasks:.5f}"


def _cost_target(row: Row) -> str:
    cost, bill = row["cost"], row["bill"]
    met = cost.transitions <= MOST_TRANSITIONS and cost.total < MOST_DOLLARS
    return f"{_is_met(met)}; below the reference: {_is_met(cost.total < bill) if bill else '-'}"


_COST: Columns = {
    "modifying": lambda row: f"{row['modifying']} s",
    "transitions": lambda row: f"{row['cost'].transitions} → ${row['cost'].step_functions:.5f}",
    "API calls": lambda row: str(sum(row["ours"]["calls"].values())),
    "the state machine's functions": lambda row: _tasks(row["cost"]),
    "the rotation function": lambda row: (
        f"{row['cost'].seconds:.0f} s, {row['cost'].seconds * WAITING_GB:.1f} GB-s → "
        f"${row['cost'].rotation_function:.5f}"
    ),
    "in all": lambda row: f"${row['cost'].total:.4f}",
    "reference: API calls": _of_reference(lambda _, run: str(sum(run["calls"].values()))),
    "reference's Lambda": _of_reference(lambda row, _: f"${row['bill']:.5f}"),
    "target": _cost_target,
}


def _average(counts: Iterable[int], of: int) -> str:
    return f"{sum(counts) / of:.0f}" if of else "-"


_SCALE: Columns = {
    "case": lambda row: str(row["case"]),
    "where": lambda row: row.get("where", "one process"),
    "promoted": lambda row: f"{row['promoted']} of {row['asked']}",
    "last after": lambda row: f"{row['seconds']:.0f} s",
    "calls each": lambda row: _average(row["calls"].values(), bool(row["calls"]) * row["asked"]),
    "transitions each": lambda row: _average(row["transitions"], len(row["transitions"])),
    "target": lambda row: _is_met(row["promoted"] == row["asked"]),
}
_COLD_START: Columns = {
    "handler": lambda row: str(row["handler"]),
    "CPU": lambda row: f"{row['milliseconds']:.0f} ms",
    "boto3 and its client": lambda row: f"{row['alone']:.0f} ms",
    "ratio": lambda row: f"{row['ratio']:.2f}",
    f"at most {MOST_TIMES_BOTO3}": lambda row: (
        "none: it logs in" if row["logs_in"] else _is_met(row["ratio"] < MOST_TIMES_BOTO3)
    ),
}
