"""The independent validator is asked, and its findings count; see tools/asl-validator/validate."""

import subprocess
from pathlib import Path

import pytest

from statemachine.asl import DEFINITION

ROOT = Path(__file__).parents[2]


def validate(definition: Path) -> tuple[int, str]:
    command = [ROOT / "tools/asl-validator/validate", definition]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.skipif(
    not (ROOT / ".venv/asl-validator/done").exists(), reason="asl-validator is not installed"
)
@pytest.mark.parametrize(
    "old, new, finding",
    [
        ("", "", ""),
        ('"Next": "Check Target"', '"Next": "Nowhere"', "MISSING_TRANSITION_TARGET"),
        ('"MaxAttempts": 45', '"MaxAttempts": -1', "/Check Target/Retry/0/MaxAttempts"),
        ('"$.Closing.Promoted"', '"Closing"', "/Promoted After All?/Choices/0/Variable"),
    ],
)
def test_a_broken_definition_is_refused(old: str, new: str, finding: str, tmp_path: Path) -> None:
    definition = tmp_path / "broken.asl.json"
    definition.write_text(DEFINITION.read_text().replace(old, new))
    status, output = validate(definition)
    assert status == (1 if finding else 0)
    assert finding in output


def test_without_npm_it_is_skipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("sh", "dirname"):
        (tmp_path / name).symlink_to(Path("/bin", name).resolve())
    monkeypatch.setenv("PATH", str(tmp_path))
    assert validate(DEFINITION) == (0, "asl-validator: skipped, there is no npm\n")
