"""`make lint` finds words that this project avoids, sentences that are too long, and typos."""

import subprocess
from pathlib import Path

import pytest

from tests.commands.test_commands import ROOT
from tools.prose import MAX_WORDS, main

# The samples have a ~ in the words that this file must not have.
LONG = " ".join(["word"] * (MAX_WORDS + 1))


@pytest.mark.parametrize(
    "name, text, found",
    [
        ("page.md", "# A run\n\nSecrets Manager is\nto~ld of it.", ':4: "to~ld": write '),
        ("page.md", "The state machine runs.\nThe mac~hine ends.", ':2: "mac~hine": write '),
        ("page.md", "| a |\n| --- |\n| Who~ever reads |", ':3: "Who~ever": write '),
        ("page.md", f"One.\n{LONG}.", f":2: a sentence of {MAX_WORDS + 1} words"),
        ("code.py", "x = 1  # by ch~ance", ':1: "ch~ance": write random'),
        (
            "code.py",
            'def f():\n    """A user w~ho is off."""',
            ':2: "user w~ho": write a user that',
        ),
        ("code.py", "x = 1\nm = f'{x} is to~ld'", ':2: "to~ld": write '),
    ],
)
def test_a_bad_sentence_is_found(
    name: str, text: str, found: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text(text.replace("~", "") + "\n")
    assert main([str(tmp_path / name)]) == 1
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{tmp_path / name}{found}".replace("~", ""))


@pytest.mark.parametrize(
    "name, text",
    [
        ("page.md", f"`to~ld`. {LONG[5:]}. Next.\n\n```\nto~ld {LONG}\n```"),
        ("page.md", f"| a | b |\n| --- | --- |\n| {LONG[5:]} | {LONG[5:]} |"),
        ("page.md", "The state machine notifies a user that is off. It can roll back."),
        ("code.py", f'ch~ance, to~ld = {{}}, {{}}["to~ld"]\nm = "{LONG}"'),
    ],
)
def test_a_good_sentence_passes(
    name: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text(text.replace("~", "") + "\n")
    assert main([str(tmp_path)] if name == "code.py" else [str(tmp_path / name)]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("text, status", [("A color.", 0), ("A colo~ur.", 65), ("T~eh end.", 65)])
def test_spelling_is_american(text: str, status: int, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(text.replace("~", ""))
    command = [ROOT / ".venv/bin/codespell", tmp_path / "page.md"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True).returncode == status


def test_the_linter_reads_every_page() -> None:
    command = ["make", "-n", "lint"]
    lint = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    pages = {str(path.relative_to(ROOT)) for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"))}
    for linter in ("tools.prose ", "codespell "):
        assert pages < {*lint.split(linter)[1].splitlines()[0].split()}
