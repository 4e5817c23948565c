"""The bench's own arithmetic, and its tables."""

from pathlib import Path
from typing import Any

import pytest

from bench import polling, tables
from bench.__main__ import main
from bench.reference import BenchError, check
from rotation.records.modification import wait_after

RUN = {
    "asked": 1,
    "promoted": 1,
    "seconds": 310.0,
    "transitions": [59],
    "invocations": [25],
    "rotation_seconds": [312.0],
    "calls": {"DescribeUsers": 17, "ModifyUser": 1},
}
SPREAD = {"median": 2.5, "least": 2.0, "most": 4.0, "count": 10}
START = {"milliseconds": 140, "alone": 100, "ratio": 1.4}


def result(*, reference: bool) -> dict[str, Any]:
    """What is kept of a run."""
    theirs = {"reference": {**SPREAD, "median": 5.0}} if reference else {}
    return {
        "date": "2026-11-24",
        "machine": "2 cores",
        "load": 0.5,
        "repetitions": 3,
        "package_kilobytes": [80.0, 4096.0],
        "overhead": {
            "rotations": [{"modifying": 30, "ours": SPREAD, **theirs}],
            "seconds_per_invocation": 0.1,
            "at_once": SPREAD,
        },
        "scaled": [{"modifying": 300, "ours": RUN, "reference": RUN if reference else None}],
        "scale": [{"case": "two at once", "modifying": 5, **RUN, "asked": 2}],
        "cold_start": [
            {"handler": name, **START, "logs_in": logs_in}
            for name, logs_in in (("log_in", True), ("close_rotation", False))
        ],
    }


def test_a_rule_is_judged_over_all_times() -> None:
    judged = polling.judge("each 2 s", lambda seconds: 2)
    assert judged.at_300 == 18 + 3 * 151
    assert judged.late["61-300 s"] == (0.5, 1, 0)


def test_the_rule_in_use_keeps_both_targets_where_modifications_take_minutes() -> None:
    judged = polling.judge("in use", wait_after)
    assert judged.at_300 <= 60
    assert judged.late["61-300 s"][2] == judged.late["301-1800 s"][2] == 0


#: The pages' tables of `result`.
LINES = """
| 30 s | 2.50 s (2.00-4.00) | 5.00 s (2.00-4.00) | 0.50 | 6 s and the reference: met |
| 300 s | 10 s | 10 s | 60 s | met |
| 59 → $0.00147 | 18 | 25, 2500 ms, 0.62 GB-s → $0.00001 | 314 s, 39.3 GB-s → $0.00052 |
| $0.0020 | 18 | $0.00052 | met; below the reference: missed |
| 10 at once, groups of their own | local AWS | 10 of 10 | 4 s | - | - | met |
| two at once | one process | 1 of 2 | 310 s | 9 | 59 | missed |
| log_in | 140 ms | 100 ms | 1.40 | none: it logs in |
| close_rotation | 140 ms | 100 ms | 1.40 | missed |
Measured on 2026-11-24: 2 cores, load 0.5, 3 repetitions; functions/ has 80 KB, the layer 4.0 MB.
"""
TITLES = (*tables.of(result(reference=True)), "Measured on")


def test_a_page_gets_its_tables_between_its_comments() -> None:
    page = "".join(f"\n<!-- {title} -->\nold\n<!-- end -->\nkept\n" for title in TITLES)
    text = tables.updated(page, result(reference=True))
    assert [line for line in LINES.splitlines() if line not in text] == []
    assert (text.count("\nold\n"), text.count("\n<!-- end -->\nkept\n")) == (0, len(TITLES))
    assert tables.updated(text, result(reference=True)) == text


def test_the_columns_of_the_reference_say_so_without_it() -> None:
    lines = tables.of(result(reference=False))
    counts = {title: lines[title][1].count(tables.NO_REFERENCE) for title in lines}
    assert counts == {**dict.fromkeys(lines, 0), **dict(zip(lines, (2, 1, 2), strict=False))}
    assert lines["Cost"][1][-1] == "met; below the reference: -"


@pytest.mark.parametrize(
    "text,problem",
    [(None, "No such file"), ("{", "not a Python file"), ("def handler(): ...", "it has no")],
)
def test_another_file_is_not_the_reference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, problem: str
) -> None:
    path = tmp_path / "function.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(BenchError, match=problem):
        check(path)
    assert main(["--reference", str(path)]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: REFERENCE {path}")
