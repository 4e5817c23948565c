"""What somebody meets who has only just cloned the project: one line that says what to type."""

import ast
import subprocess
import sys

import pytest

from tests.commands.test_commands import ROOT

MODULES = ("local", "local.package", "report", "report.cost", "bench")


@pytest.mark.parametrize("module", MODULES)
def test_a_python_without_the_packages_is_told_in_one_line(module: str) -> None:
    # Without `site` no package that is installed is found.
    done = subprocess.run(
        [sys.executable, "-S", "-m", module, "up"], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert "make setup" in line
    assert ".venv/bin/python" in line


@pytest.mark.parametrize(
    "file", ["installed", "local/__init__", "report/__init__", "bench/__init__"]
)
def test_what_is_read_before_that_is_in_the_syntax_of_any_python_3(file: str) -> None:
    ast.parse((ROOT / f"{file}.py").read_text(), feature_version=(3, 6))
