"""The figures as Markdown tables: for the terminal and for docs/performance.md."""

import statistics
from collections.abc import Callable, Sequence
from typing import Any

from bench.cold_start import BUDGET, LOGS_IN


def result_name(found: dict[str, Any]) -> str:
    """Of the file in bench/results/, by when it was measured."""
    return f"{found['at'][:16].replace(':', '')}.json"


def tables(found: dict[str, Any]) -> dict[str, str]:
    """By section, of those that were measured."""
    made: dict[str, Callable[[Any], str]] = {
        "rotations": _rotations,
        "scale": _scale,
        "cold_start": _cold_starts,
    }
    return {section: make(found[section]) for section, make in made.items() if section in found}


def written_into(page: str, found: dict[str, Any]) -> str:
    """The page with each table between ``<!-- bench:SECTION -->`` and ``<!-- /bench -->``."""
    source = f"`bench/results/{result_name(found)}`, {found['machine']}"
    for section, text in {**tables(found), "source": source}.items():
        mark = f"<!-- bench:{section} -->\n"
        before, _, rest = page.partition(mark)
        _, end, after = rest.partition("<!-- /bench -->")
        if end:
            page = f"{before}{mark}{text}\n{end}{after}"
    return page


def spread(figures: Sequence[float], form: str = "{:.1f}") -> str:
    """The median, with the least and the greatest where they differ."""
    middle = form.format(statistics.median(figures))
    low, high = form.format(min(figures)), form.format(max(figures))
    return middle if low == high else f"{middle} ({low}-{high})"


def ratio(ours: Sequence[float], others: Sequence[float]) -> str:
    """Of the medians."""
    other = statistics.median(others)
    return f"{statistics.median(ours) / other:.2f}" if other else "-"


def markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns but the first are figures, aligned for reading as text, too."""
    widths = [max(len(row[place]) for row in [heads, *rows]) for place in range(len(heads))]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        return f"| {first[0]:<{first[1]}} | " + " | ".join(f"{c:>{w}}" for c, w in others) + " |"

    rule = "|".join(["", "-" * (widths[0] + 2), *("-" * (w + 1) + ":" for w in widths[1:]), ""])
    return "\n".join([line(heads), rule, *map(line, rows)])


#: Key of bench.rotations.Measured, what it is called, how it is written.
_FIGURES = (
    ("overhead", "overhead, s", "{:.1f}"),
    ("lateness", "active to AWSCURRENT, s", "{:.1f}"),
    ("calls", "API calls", "{:.0f}"),
    ("transitions", "transitions", "{:.0f}"),
    ("lambda_seconds", "Lambda, s", "{:.0f}"),
    ("gb_seconds", "GB-s", "{:.2f}"),
    ("dollars", "dollars", "{:.6f}"),
)


def _rotations(rows: Sequence[dict[str, Any]]) -> str:
    lines = []
    for row in rows:
        for key, name, form in _FIGURES:
            ours = [run[key] for run in row["ours"]]
            others = [run[key] for run in row.get("reference", [])]
            lines.append(
                [
                    name,
                    f"{row['modifying_seconds']:g}",
                    spread(ours, form),
                    spread(others, form) if others else "no REFERENCE",
                    ratio(ours, others) if others else "-",
                ]
            )
    return markdown(["of a rotation", "modifying, s", "ours", "AWS's function", "ratio"], lines)


def _scale(rows: Sequence[dict[str, Any]]) -> str:
    heads = ["at once", "rotations", "nodes", "succeeded", "s", "calls each", "peak MB"]
    return markdown(
        heads,
        [
            [
                row["case"],
                str(row["rotations"]),
                str(row["nodes"]),
                str(row["succeeded"]),
                f"{row['seconds']:.0f}",
                f"{row['calls']:.0f}",
                f"{row['peak_mb']:.0f}",
            ]
            for row in rows
        ],
    )


def _cold_starts(found: dict[str, Any]) -> str:
    lines = []
    for each in found["handlers"]:
        times = each["seconds"] / each["boto3_seconds"]
        budget = "-" if each["handler"] in LOGS_IN else "met" if times <= BUDGET else "missed"
        lines.append(
            [
                each["handler"],
                f"{each['seconds'] * 1000:.0f}",
                f"{each['boto3_seconds'] * 1000:.0f}",
                f"{times:.2f}",
                budget,
            ]
        )
    heads = ["handler", "ms", "boto3 and a client, ms", "ratio", f"at most {BUDGET}"]
    size = f"The functions' package: {found['package_bytes'] / 1000:.0f} kB."
    return f"{markdown(heads, lines)}\n\n{size}"
