"""docs/architecture.md: the imports, the state's fields and the files are as the page says."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text()
PACKAGE = ROOT / "functions/rotation"
MACHINE = json.loads((ROOT / "statemachine/rotation.asl.json").read_text())


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def first_cells(title: str) -> list[list[str]]:
    """What is quoted in the first column of a section's table, by row."""
    rows = re.findall(r"^\| (`.*?) \|", section(title), flags=re.M)
    return [re.findall(r"`([^`]+)`", row) for row in rows]


def imported(module: Path) -> set[str]:
    text = module.read_text()
    whole = re.findall(r"from rotation import ([\w, ]+)", text)
    return {
        *re.findall(r"from rotation\.(\w+) import", text),
        *(name.strip() for names in whole for name in names.split(",")),
    }


def test_a_module_imports_from_its_own_row_and_those_below() -> None:
    rank = {name: row for row, names in enumerate(first_cells("The functions")) for name in names}
    modules = [path for path in PACKAGE.glob("*.py") if path.stem != "__init__"]
    assert {path.stem for path in modules} == rank.keys()
    upwards = [
        (path.stem, name)
        for path in modules
        for name in imported(path)
        if rank[name] < rank[path.stem]
    ]
    assert upwards == []


def fields_of(machine: Mapping[str, Any]) -> Iterator[str]:
    for state in machine["States"].values():
        for each in (state, *state.get("Catch", ())):
            if (path := each.get("ResultPath")) and path != "$":
                yield path.split(".")[1]


def test_each_field_of_the_state_is_in_the_table() -> None:
    written = {*fields_of(MACHINE), *MACHINE["States"]["Read Input"]["Parameters"]}
    told = {name for row in first_cells("The state that travels") for name in row}
    assert told == {name.removesuffix(".$") for name in written}


def test_the_files_that_the_page_names_exist() -> None:
    named = set(re.findall(r"`((?:[\w.]+/)+[\w.]*)`", PAGE)) - {"functions/NAME.py"}
    assert [name for name in named if not (ROOT / name).exists()] == []
