"""A wrong option is answered in one line that names it."""

from pathlib import Path

import pytest

from local.__main__ import main
from local.instance import LocalAws

#: The command line, and what the line has to name besides the option.
WRONG: list[tuple[list[str], str]] = [
    (["up", "--parameter", "PasswordLength"], "KEY=VALUE"),
    (["up", "--parameter", "PasswordLenght=20"], "PasswordLength"),
    (["rotate", "--parameter", "PasswordLenght=20"], "PasswordLength"),
    (["up", "--modifying-seconds", "-1"], "--modifying-seconds"),
    (["up", "--modifying-seconds", "soon"], "--modifying-seconds"),
    (["up", "--port", "0"], "--port"),
    (["rotate", "--fault", "throtle:ModifyUser"], "throttle"),
    (["up", "--fault", "stop-at:Log"], "Log In"),
    (["up", "--assume", "attempts=0"], "attempts is a number from 1, not 0."),
    (["up", "--assume", "retries=1"], "retries is not one of attempts, "),
    (["up", "--assume", "attempts"], "attempts is not of the form KEY=VALUE"),
    (["up", "--directory", ""], "''"),
    (["up", "--directory", "file"], "File exists"),
    (["up", "--directory", "x" * 300], "File name too long"),
    (["up", "--directory", "a\nb"], r"'a\nb'"),
]


def answer(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The last line of what the command says; all of it, but for argparse's usage."""
    try:
        status = main(arguments)
    except SystemExit as ended:
        status = int(ended.code or 0)
    printed = capsys.readouterr()
    *usage, line = printed.err.splitlines()
    assert (status, printed.out) == (2 if usage else 1, "")
    assert not usage or usage[0].startswith("usage: ")
    return line


@pytest.mark.parametrize("arguments, named", WRONG)
def test_it_is_named_before_anything_is_started(
    arguments: list[str],
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if "--directory" not in arguments:  # which is found to be none when it is used
        monkeypatch.delattr(LocalAws, "start")
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    line = answer(arguments, capsys)
    assert named in line
    *_, option, value = arguments
    assert option in line or value.partition("=")[0] in line


def test_parameters_that_do_not_go_together_are_named_by_the_deployment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    up = ["up", "--directory", str(tmp_path)]
    assert "SecretArn" in answer([*up, "--parameter", "UserName=app"], capsys)
    # As any error of the local AWS; tests/local/test_local_instance.py has the others.
    with LocalAws(tmp_path):
        assert f"{tmp_path} is used by another local AWS" in answer(up, capsys)
