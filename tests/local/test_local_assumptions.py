"""How what AWS does not tell is set."""

import json
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest

from local.__main__ import main
from local.assumptions import AssumptionError, Assumptions
from local.faults import FaultError, ask
from local.instance import LocalAws, LocalAwsError

OTHERS = Assumptions(
    attempts=5,
    retry_seconds=0.5,
    pending_removed_after=60.0,
    retries_without_pending=False,
    refusal_reattempts=False,
    creator_checked_after="never",
    created_when_staged=False,
    any_version_abandons=True,
)


@pytest.mark.parametrize("assumed", [Assumptions(), OTHERS])
def test_all_go_through_the_environment(assumed: Assumptions) -> None:
    variables = assumed.to_environment()
    assert len(variables) == len(fields(assumed))
    assert Assumptions.from_environment(variables) == assumed


def test_what_the_environment_does_not_name_has_its_default() -> None:
    found = Assumptions.from_environment({"LOCAL_ROTATION_ATTEMPTS": "1", "OTHER": "x"})
    assert found == Assumptions(attempts=1)


def test_values_are_as_they_are_or_text() -> None:
    given = {"pending_removed_after": "never", "attempts": "4", "any_version_abandons": True}
    assert OTHERS.with_values(given) == replace(OTHERS, pending_removed_after=None, attempts=4)
    assert OTHERS.with_values(json.loads(json.dumps(asdict(Assumptions())))) == Assumptions()


def test_the_documentation_has_them_all_with_their_defaults() -> None:
    page = (Path(__file__).parents[2] / "docs" / "local-aws.md").read_text()
    prefix = "LOCAL_ROTATION_"
    for variable, default in Assumptions().to_environment().items():
        name, default = variable.removeprefix(prefix).lower(), default.removesuffix(".0")
        assert f"| `{name}` | `{default}` |" in page


@pytest.mark.parametrize("name", [each.name for each in fields(Assumptions)])
def test_a_wrong_value_is_refused_by_name(name: str) -> None:
    with pytest.raises(AssumptionError, match=rf"^{name} is .*, not -1\.$"):
        Assumptions().with_values({name: -1})
    variable = f"LOCAL_ROTATION_{name.upper()}"
    with pytest.raises(AssumptionError, match=f"^{variable}: {name} is "):
        Assumptions.from_environment({variable: "perhaps"})


def test_the_command_line_refuses_a_wrong_one(capsys: pytest.CaptureFixture[str]) -> None:
    for text, problem in (
        ("attempts=0", "attempts is a number from 1, not 0."),
        ("retries=1", "retries is not one of attempts, "),
        ("attempts", "attempts is not of the form KEY=VALUE"),
    ):
        with pytest.raises(SystemExit):
            main(["up", "--assume", text])
        assert problem in capsys.readouterr().err


def test_a_wrong_variable_ends_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOCAL_ROTATION_ATTEMPTS", "many")
    with pytest.raises(LocalAwsError, match=r"^LOCAL_ROTATION_ATTEMPTS: attempts is a number"):
        LocalAws(tmp_path).start()
    assert main(["up", "--directory", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("error: LOCAL_ROTATION_ATTEMPTS: ")


def test_a_local_aws_has_those_it_is_given_and_takes_others(tmp_path: Path) -> None:
    with LocalAws(tmp_path, assumptions=OTHERS) as aws:
        url = f"{aws.environment['LOCAL_CONTROL_URL']}/assumptions"
        assert ask(url) == asdict(OTHERS)
        changed = ask(url, "POST", {"attempts": 2, "pending_removed_after": None})
        assert changed == asdict(replace(OTHERS, attempts=2, pending_removed_after=None))
        with pytest.raises(FaultError, match=r"attempts is a number from 1, not 0\."):
            ask(url, "POST", {"attempts": 0})
        assert ask(url) == changed
