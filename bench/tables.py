"""The results as tables: for the terminal by rich, for the pages of docs/ as Markdown."""

import re
from dataclasses import dataclass
from typing import Any

from bench import polling
from bench.figures import (
    MOST_DOLLARS,
    MOST_TIMES_BOTO3,
    MOST_TRANSITIONS,
    allowed_lateness,
    lambda_bill,
    ratio,
)
from report.cost import Cost

Lines = list[list[str]]
NO_REFERENCE = "not measured: no REFERENCE"


@dataclass(frozen=True)
class Targets:
    """What the figures are held against."""

    transitions: int = MOST_TRANSITIONS
    dollars: float = MOST_DOLLARS
    times_boto3: float = MOST_TIMES_BOTO3


TARGETS = Targets()


def of(found: dict[str, Any]) -> dict[str, Lines]:
    """Each table's title, and its lines with the head first."""
    made = {
        "Overhead on the local AWS": _overhead(found),
        "Waits in one process": _waits(found),
        "Cost": _cost(found),
        "Scale": _scale(found),
        "When to look at a user": polling.rows(),
    }
    if found["cold_start"]:
        made["Cold start"] = _cold_start(found)
    return made


def markdown(lines: Lines) -> str:
    """A table."""
    head, *body = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([head, "| --- " * len(lines[0]) + "|", *body])


def updated(page: str, found: dict[str, Any]) -> str:
    """The page with its tables, each between the comments of its title, as the result has them."""
    made = {title: markdown(lines) for title, lines in of(found).items()}
    made["Measured on"] = (
        f"Measured on {found['date']}: {found['machine']}, load {found['load']:.1f}, "
        f"{found['repetitions']} repetitions. Peak memory of a function: "
        f"{_megabytes(found)}. functions/ has {found['package_kilobytes'][0]:.0f} KB, the layer "
        f"{found['package_kilobytes'][1] / 1024:.1f} MB."
    )
    for title, text in made.items():
        block = re.compile(rf"(<!-- {title} -->\n).*?(<!-- end -->)", re.DOTALL)
        page = block.sub(lambda at, text=text: f"{at[1]}{text}\n{at[2]}", page)  # type: ignore[misc]
    return page


def _overhead(found: dict[str, Any]) -> Lines:
    lines = [["modifying", "ours", "reference", "ours / reference", "target"]]
    for row in found["overhead"]["rotations"]:
        ours, theirs = row["ours"], row.get("reference")
        compared = ratio(ours["median"], theirs["median"]) if theirs else None
        allowed = allowed_lateness(row["modifying"])
        met = ours["median"] <= allowed and (not theirs or ours["median"] <= theirs["median"])
        lines.append(
            [
                f"{row['modifying']} s",
                _spread(ours),
                _spread(theirs) if theirs else NO_REFERENCE,
                f"{compared:.2f}" if compared else NO_REFERENCE,
                f"{allowed:g} s{' and the reference' if theirs else ''}: {_met(met)}",
            ]
        )
    return lines


def _waits(found: dict[str, Any]) -> Lines:
    lines = [["modifying", "ours, later by", "reference, later by", "at most", ""]]
    for row in found["scaled"]:
        modifying, theirs = row["modifying"], row["reference"]
        late = row["ours"]["seconds"] - modifying
        allowed = allowed_lateness(modifying)
        lines.append(
            [
                f"{modifying} s",
                f"{late:.0f} s",
                f"{theirs['seconds'] - modifying:.0f} s" if theirs else NO_REFERENCE,
                f"{allowed:g} s",
                _met(late <= allowed),
            ]
        )
    return lines


def _cost(found: dict[str, Any]) -> Lines:
    each = found["overhead"]["seconds_per_invocation"]
    lines = [
        [
            "modifying",
            "transitions",
            "API calls",
            "the state machine's functions",
            "the rotation function",
            "in all",
            "reference: API calls",
            "reference's Lambda",
            "target",
        ]
    ]
    for row in found["scaled"]:
        ours, theirs = row["ours"], row["reference"]
        [transitions], [invocations] = ours["transitions"], ours["invocations"]
        tasks = invocations * each
        [waited] = ours["rotation_seconds"]
        cost = Cost(transitions, invocations, tasks, waited + tasks)
        met = cost.transitions <= MOST_TRANSITIONS and cost.total < MOST_DOLLARS
        bill = lambda_bill(theirs["rotation_seconds"][0]) if theirs else None
        lines.append(
            [
                f"{row['modifying']} s",
                f"{transitions} → ${cost.step_functions:.5f}",
                str(sum(ours["calls"].values())),
                f"{invocations}, {tasks * 1000:.0f} ms, {tasks * 0.25:.2f} GB-s → "
                f"${cost.tasks:.5f}",
                f"{cost.seconds:.0f} s, {cost.seconds * 0.125:.1f} GB-s → "
                f"${cost.rotation_function:.5f}",
                f"${cost.total:.4f}",
                str(sum(theirs["calls"].values())) if theirs else NO_REFERENCE,
                f"${bill:.5f}" if bill else NO_REFERENCE,
                f"{_met(met)}; below the reference: {_met(cost.total < bill) if bill else '-'}",
            ]
        )
    return lines


def _scale(found: dict[str, Any]) -> Lines:
    lines = [["case", "where", "promoted", "last after", "calls each", "transitions each", ""]]
    real = found["overhead"]["at_once"]
    lines.append(
        [
            f"{real['count']} at once, groups of their own",
            "local AWS",
            f"{real['count']} of {real['count']}",
            f"{real['most']:.0f} s",
            "-",
            "-",
            "met",
        ]
    )
    for row in found["scale"]:
        asked = row["asked"]
        transitions = row["transitions"]
        lines.append(
            [
                row["case"],
                "one process",
                f"{row['promoted']} of {asked}",
                f"{row['seconds']:.0f} s",
                f"{sum(row['calls'].values()) / asked:.0f}",
                f"{sum(transitions) / len(transitions):.0f}" if transitions else "-",
                _met(row["promoted"] == asked),
            ]
        )
    return lines


def _cold_start(found: dict[str, Any]) -> Lines:
    lines = [["handler", "CPU", "boto3 and its client", "ratio", f"at most {MOST_TIMES_BOTO3}"]]
    for row in found["cold_start"]:
        met = "logs in: none" if row["logs_in"] else _met(row["ratio"] < MOST_TIMES_BOTO3)
        lines.append(
            [
                row["handler"],
                f"{row['milliseconds']:.0f} ms",
                f"{row['alone']:.0f} ms",
                f"{row['ratio']:.2f}",
                met,
            ]
        )
    return lines


def _spread(spread: dict[str, float]) -> str:
    return f"{spread['median']:.2f} s ({spread['least']:.2f}-{spread['most']:.2f})"


def _met(met: bool) -> str:
    return "met" if met else "missed"


def _megabytes(found: dict[str, Any]) -> str:
    peak = found["overhead"]["peak_megabytes"]
    return f"{peak:.0f} MB" if peak else "not known here"
