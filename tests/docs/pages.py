"""The pages, and what they hold: sections, rows of tables, and names of tests."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATHS = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md")), ROOT / "examples/README.md"]
PAGES = {str(path.relative_to(ROOT)): path.read_text() for path in PATHS}


def section(page: str, title: str) -> str:
    """The text under a ## heading of a page of docs/."""
    return PAGES[f"docs/{page}"].split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(text: str, head: str = "") -> list[list[str]]:
    """The cells of each row of the tables in a text whose heads begin so, without the heads."""
    tables = re.findall(rf"^\| ?{re.escape(head)}.*\n\| -.*\n((?:\|.*\n?)+)", text, re.M)
    return [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for table in tables
        for line in table.splitlines()
    ]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def named_tests(text: str) -> set[tuple[str, str]]:
    """The file and the name of each test in a text, as `` `tests/….py::test_…` ``."""
    return set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text))


def names_of_tests(path: str) -> set[str]:
    """The names of the tests in a file; none if there is no such file."""
    text = (ROOT / path).read_text() if (ROOT / path).exists() else ""
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    return {function.name for function in functions if function.name.startswith("test_")}
