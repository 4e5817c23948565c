"""The benchmark's arithmetic, its tables, and what it says of a wrong REFERENCE."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench import cold_start, reference
from bench.table import markdown, ratio, spread, tables, written_into
from local.instance import LocalAwsError

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/performance.md"
FIGURES = (
    "overhead",
    "lateness",
    "calls",
    "transitions",
    "lambda_seconds",
    "gb_seconds",
    "dollars",
)


def run(**figures: float) -> dict[str, float]:
    return {**dict.fromkeys(FIGURES, 0.0), **figures}


def rotations(**sides: list[dict[str, float]]) -> dict[str, Any]:
    row = {"modifying_seconds": 5, **sides}
    return {"at": "2026-01-02T03:04:05+00:00", "machine": "this one", "rotations": [row]}


def cells(table: str, first: str) -> list[str]:
    [line] = [each for each in table.splitlines() if each.startswith(f"| {first} ")]
    return [each.strip() for each in line.strip("|").split("|")]


def test_a_median_is_told_with_its_spread() -> None:
    assert spread([3, 1, 2.26]) == "2.3 (1.0-3.0)"
    assert spread([2, 2]) == "2.0"
    assert spread([0.01, 0.03], "{:.2f}") == "0.02 (0.01-0.03)"


def test_a_ratio_is_that_of_the_medians() -> None:
    assert ratio([1, 2, 90], [4, 4, 4]) == "0.50"
    assert ratio([1], [0]) == "-"


def test_a_table_has_the_figures_of_both_sides_and_their_ratio() -> None:
    found = rotations(ours=[run(overhead=3), run(overhead=1)], reference=[run(overhead=4)])
    table = tables(found)["rotations"]
    assert cells(table, "overhead, s")[1:] == ["5", "2.0 (1.0-3.0)", "4.0", "0.50"]


def test_without_a_reference_its_column_says_so() -> None:
    table = tables(rotations(ours=[run(calls=52)]))["rotations"]
    assert cells(table, "API calls")[1:] == ["5", "52", "no REFERENCE", "-"]


@pytest.mark.parametrize(
    "handler, seconds, said",
    [("describe_user", 0.13, "met"), ("describe_user", 0.14, "missed"), ("log_in", 0.14, "-")],
)
def test_the_budget_of_a_cold_start(handler: str, seconds: float, said: str) -> None:
    each = {"handler": handler, "client": "sns", "seconds": seconds, "boto3_seconds": 0.1}
    found = {"cold_start": {"handlers": [each], "package_bytes": 1000}}
    assert cells(tables(found)["cold_start"], handler)[-1] == said


def test_each_handler_is_measured_with_the_client_that_it_makes_first() -> None:
    handlers = (ROOT / "functions").glob("*.py")
    clients = {path.stem: cold_start.client_of(path.read_text()) for path in handlers}
    assert (clients["describe_user"], clients["log_in"]) == ("elasticache", "secretsmanager")
    assert {*clients.values()} <= {*cold_start.CLIENTS}


def test_the_columns_of_a_table_are_as_wide_as_their_cells() -> None:
    lines = markdown(["a", "b"], [["long", "1"], ["x", "22222"]]).splitlines()
    assert len({len(line) for line in lines}) == 1


def test_only_what_is_between_the_marks_is_written() -> None:
    page = "before\n<!-- bench:rotations -->\nold\n<!-- /bench -->\nafter\n"
    found = rotations(ours=[run()])
    written = written_into(page, found)
    assert written.startswith("before\n<!-- bench:rotations -->\n| of a rotation")
    assert written.endswith("|\n<!-- /bench -->\nafter\n")
    assert "old" not in written
    assert written_into(written, found) == written


def test_the_page_has_the_figures_of_the_newest_result() -> None:
    newest = max((ROOT / "bench/results").glob("*.json"))
    page = PAGE.read_text()
    assert f"`bench/results/{newest.name}`" in page
    assert written_into(page, json.loads(newest.read_text())) == page
    assert len(re.findall(r"<!-- bench:\w+ -->\n\|", page)) == 3


@pytest.mark.parametrize("text", [None, "def handler(event, context): ...\n"])
def test_a_wrong_reference_is_named(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "lambda_function.py"
    if text:
        path.write_text(text)
    with pytest.raises(LocalAwsError, match=f"^REFERENCE {path}[: ]"):
        reference.source_of(path)


def test_the_command_says_it_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench", "--reference", str(tmp_path / "none.py")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: REFERENCE {tmp_path}/none.py: No such file or directory.\n"
