"""`make lint` finds a secret that somebody has written down."""

import json
import re
import subprocess
from pathlib import Path

from tests.commands.test_commands import ROOT

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


def test_the_linter_runs_the_scanner_over_all_that_is_written() -> None:
    printed = subprocess.run(
        ["make", "-n", "lint"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert "detect-secrets-hook --no-verify --baseline .secrets.baseline" in printed
    for place in ("functions", "local", "tests", "docs", "template.yaml", "README.md"):
        assert place in printed.partition("find ")[2].split()


def test_every_exception_has_its_reason_beside_it() -> None:
    lines = (ROOT / ".checkov.yaml").read_text().splitlines()
    skipped = [number for number, line in enumerate(lines) if line.startswith("  - CKV")]
    assert skipped
    assert [lines[n] for n in skipped if not lines[n - 1].startswith("  # ")] == []
    baseline = json.loads((ROOT / ".secrets.baseline").read_text())
    assert baseline["results"] == {}, "say why, in a filter"
    for used in baseline["filters_used"]:
        assert ("pattern" in used) == ("reason" in used), used
