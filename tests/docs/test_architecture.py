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
    """The package's modules that it imports, as the page names them."""
    found = set()
    for folder, names in re.findall(
        r"from rotation(\.[\w.]+)? import \(?([\w, ]*)", module.read_text()
    ):
        path = folder.replace(".", "/").strip("/")
        whole = [f"{path}/{name.strip()}".strip("/") for name in names.split(",")]
        found |= {path} if (PACKAGE / f"{path}.py").exists() else {*whole}
    return found


def test_a_module_imports_from_its_own_row_and_those_below() -> None:
    rank = {name: row for row, names in enumerate(first_cells("The functions")) for name in names}
    paths = [path for path in PACKAGE.rglob("*.py") if path.stem != "__init__"]
    modules = {path.relative_to(PACKAGE).with_suffix("").as_posix(): path for path in paths}
    assert modules.keys() == rank.keys()
    imports = {(name, other) for name, path in modules.items() for other in imported(path)}
    assert len(imports) > 60
    assert [(name, other) for name, other in imports if rank[other] < rank[name]] == []


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
    named = set(re.findall(r"`((?:[\w.]+/)+(?:[\w.]+\.\w+)?)`", PAGE)) - {"functions/NAME.py"}
    assert len(named) > 15
    assert [name for name in named if not (ROOT / name).exists()] == []
