"""`make lint` finds a secret, words that this project avoids, long sentences, and typos."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.commands.test_commands import ROOT
from tools.prose import MAX_WORDS, main

HOOK = (ROOT / ".venv/bin/detect-secrets-hook", "--no-verify", "--baseline", ".secrets.baseline")
# In two parts, so that this file has none.
PLANTED = {
    "an access key": "key = 'AKIA" + "IOSFODNN7EXAMPLE'\n",
    "a private key": "-----BEGIN RSA " + "PRIVATE KEY-----\n",
    "a password": "pass" + "word = 'Kj8sQ2vX~Zt5mW9rB'\n",
    "a password in a template": "      Pass" + "word: Kj8sQ2vXZt5mW9rB\n",
    "a token": "token = 'ghp" + "_0123456789abcdefghijABCDEFGHIJ012345'\n",
}


def test_a_planted_secret_is_found(tmp_path: Path) -> None:
    files = {
        kind: tmp_path / f"{kind}.{'yaml' if 'template' in kind else 'py'}" for kind in PLANTED
    }
    clean = tmp_path / "clean.py"
    clean.write_text("x = 1\n")
    for kind, file in files.items():
        file.write_text(f"x = 1\n{PLANTED[kind]}")
    found = subprocess.run(
        [*HOOK, clean, *files.values()], cwd=ROOT, capture_output=True, text=True
    )
    assert found.returncode == 1
    assert {*re.findall(r"Location: +(.+)", found.stdout)} == {f"{f}:2" for f in files.values()}


def test_every_exception_has_its_reason_beside_it() -> None:
    lines = (ROOT / ".checkov.yaml").read_text().splitlines()
    skipped = [number for number, line in enumerate(lines) if line.startswith("  - CKV")]
    assert skipped
    assert [lines[n] for n in skipped if not lines[n - 1].startswith("  # ")] == []
    baseline = json.loads((ROOT / ".secrets.baseline").read_text())
    assert baseline["results"] == {}, "say why, in a filter"
    for used in baseline["filters_used"]:
        assert ("pattern" in used) == ("reason" in used), used


# The samples have a ~ in the words that this file must not have.
LONG = " ".join(["word"] * (MAX_WORDS + 1))


@pytest.mark.parametrize(
    "name, text, found",
    [
        ("page.md", "# A run\n\nSecrets Manager is\nto~ld of it.", ':4: "to~ld": write '),
        ("page.md", "The state machine runs.\nThe mac~hine ends.", ':2: "mac~hine": write '),
        ("page.md", "| a |\n| --- |\n| Who~ever reads |", ':3: "Who~ever": write '),
        ("template.yaml", "a: 1\n# Who~ever reads", ':2: "Who~ever": write '),
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


def test_the_linters_read_every_page_and_the_scanner_all_that_is_written() -> None:
    command = ["make", "-n", "lint"]
    lint = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    pages = {str(path.relative_to(ROOT)) for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"))}
    for linter in ("tools.prose ", "codespell "):
        assert pages < {*lint.split(linter)[1].splitlines()[0].split()}
    assert "detect-secrets-hook --no-verify --baseline .secrets.baseline" in lint
    written = {"functions", "local", "tests", "docs", "template.yaml", "README.md"}
    assert written <= {*lint.partition("find ")[2].split()}
