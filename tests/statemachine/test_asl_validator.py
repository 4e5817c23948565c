"""The independent validator is asked, and its no counts; see asl-validator/validate."""

import subprocess
from pathlib import Path

import pytest

from tests.statemachine.cases import DEFINITION
from tests.statemachine.engines import HERE, ROOT

VALIDATE = HERE / "asl-validator/validate"


def validate(definition: Path) -> tuple[int, str]:
    done = subprocess.run([VALIDATE, definition], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.skipif(
    not (ROOT / ".venv/asl-validator/done").exists(), reason="asl-validator is not installed"
)
@pytest.mark.parametrize(
    "old, new, said",
    [
        ("", "", ""),
        ('"Next": "Check Target"', '"Next": "Nowhere"', "MISSING_TRANSITION_TARGET"),
        ('"MaxAttempts": 45', '"MaxAttempts": -1', "/Check Target/Retry/0/MaxAttempts"),
        ('"$.Closing.Promoted"', '"Closing"', "/Promoted After All?/Choices/0/Variable"),
    ],
)
def test_a_broken_machine_is_refused(old: str, new: str, said: str, tmp_path: Path) -> None:
    definition = tmp_path / "machine.asl.json"
    definition.write_text(DEFINITION.read_text().replace(old, new))
    status, output = validate(definition)
    assert status == (1 if said else 0)
    assert said in output


def test_without_npm_it_is_skipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("sh", "dirname"):
        (tmp_path / name).symlink_to(Path("/bin", name).resolve())
    monkeypatch.setenv("PATH", str(tmp_path))
    assert validate(DEFINITION) == (0, "asl-validator: skipped, there is no npm\n")
