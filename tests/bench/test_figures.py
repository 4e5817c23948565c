"""The bench's own arithmetic, and its tables."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench import polling, tables
from bench.__main__ import main
from bench.figures import Spread, allowed_lateness, lambda_bill, ratio
from bench.reference import NotTheReferenceError, check
from rotation.records.modification import wait_after

RUN = {
    "asked": 1,
    "promoted": 1,
    "seconds": 310.0,
    "transitions": [59],
    "invocations": [25],
    "rotation_seconds": [312.0],
    "calls": {"DescribeUsers": 17, "ModifyUser": 1},
    "errors": {},
    "real_seconds": 1.0,
}
SPREAD = {"median": 2.5, "least": 2.0, "most": 4.0, "count": 3}


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
            "at_once": {**SPREAD, "count": 10},
            "peak_megabytes": 90.0,
        },
        "scaled": [{"modifying": 300, "ours": RUN, "reference": RUN if reference else None}],
        "scale": [{"case": "two at once", "modifying": 5, **RUN, "asked": 2}],
        "cold_start": [
            {
                "handler": "log_in",
                "milliseconds": 200,
                "alone": 100,
                "ratio": 2.0,
                "logs_in": True,
            },
            {
                "handler": "close_rotation",
                "milliseconds": 140,
                "alone": 100,
                "ratio": 1.4,
                "logs_in": False,
            },
        ],
    }


def test_a_spread_is_the_median_and_the_ends() -> None:
    assert Spread.of([4, 1, 3, 10]) == Spread(3.5, 1, 10, 4)
    with pytest.raises(ValueError, match="no values"):
        Spread.of([])


def test_a_ratio_to_nothing_is_none() -> None:
    assert (ratio(3, 2), ratio(3, 0)) == (1.5, None)


@pytest.mark.parametrize("modifying,seconds", [(0, 2), (10, 2), (30, 6), (300, 60)])
def test_lateness_is_a_share_or_two_seconds(modifying: float, seconds: float) -> None:
    assert allowed_lateness(modifying) == pytest.approx(seconds)


def test_a_lambda_is_billed_by_memory_time_and_requests() -> None:
    assert lambda_bill(300) == pytest.approx(300 * 0.125 * 0.0000133334 + 4 * 0.0000002)


def test_looks_come_when_the_rule_says() -> None:
    assert polling.seen(polling.share(1.0), 5) == (3, 1)  # at 1, 3 and 6
    assert polling.seen(polling.share(1.0), 6) == (3, 0)


def test_a_rule_is_judged_over_all_times() -> None:
    found = polling.judge("each 2 s", lambda seconds: 2)
    assert found.at_300 == 18 + 3 * 151
    assert found.late["61-300 s"] == (0.5, 1, 0)


def test_the_rule_in_use_keeps_both_targets_where_modifications_take_minutes() -> None:
    found = polling.judge("in use", wait_after)
    assert found.at_300 <= 60
    assert found.late["61-300 s"][2] == found.late["301-1800 s"][2] == 0


def cells(found: dict[str, Any], title: str) -> list[str]:
    """Of the table's first line."""
    return tables.of(found)[title][1]


def test_the_columns_of_the_reference_say_so_without_it() -> None:
    without, with_it = (result(reference=each) for each in (False, True))
    for title in ("Overhead on the local AWS", "Waits in one process", "Cost"):
        assert "not measured: no REFERENCE" in cells(without, title)
        assert "not measured: no REFERENCE" not in cells(with_it, title)
    assert cells(with_it, "Overhead on the local AWS")[3:] == [
        "0.50",
        "6 s and the reference: met",
    ]


def test_the_cost_is_that_of_report_cost() -> None:
    line = cells(result(reference=False), "Cost")
    assert line[1] == "59 → $0.00147"
    assert line[2] == "18"
    assert line[5] == "$0.0020"


def test_what_was_not_promoted_misses() -> None:
    assert tables.of(result(reference=False))["Scale"][2][2::4] == ["1 of 2", "missed"]


def test_a_handler_that_logs_in_has_no_budget() -> None:
    lines = tables.of(result(reference=False))["Cold start"]
    assert [line[-1] for line in lines[1:]] == ["logs in: none", "missed"]


def test_the_page_gets_its_tables_between_its_comments() -> None:
    page = "a\n<!-- Cold start -->\nold\n<!-- end -->\nb\n"
    found = tables.updated(page, result(reference=False))
    assert found.startswith("a\n<!-- Cold start -->\n| handler |")
    assert found.endswith("\n<!-- end -->\nb\n")
    assert "\nold\n" not in found
    assert tables.updated(found, result(reference=False)) == found


@pytest.mark.parametrize(
    "text,problem",
    [(None, "No such file"), ("{", "no Python file"), ("def handler(): ...", "it has no")],
)
def test_another_file_is_no_reference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, problem: str
) -> None:
    path = tmp_path / "function.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(NotTheReferenceError, match=problem):
        check(path)
    assert main(["--reference", str(path)]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: REFERENCE {path}")


def test_a_result_is_json() -> None:
    assert json.loads(json.dumps(polling.judgements()))[0]["rule"]
