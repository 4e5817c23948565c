"""The tests that a page of docs/ names, as `` `tests/….py::test_…` ``, and whether they exist."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def named(text: str) -> set[tuple[str, str]]:
    """Each test that the text names: its file and its name."""
    return set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text))


def names_in(path: str) -> set[str]:
    """The names of the tests in a file."""
    tree = ast.parse((ROOT / path).read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return {each.name for each in functions if each.name.startswith("test_")}


def missing(text: str) -> set[tuple[str, str]]:
    """The named tests that do not exist."""
    return {
        (path, test)
        for path, test in named(text)
        if not (ROOT / path).exists() or test not in names_in(path)
    }
