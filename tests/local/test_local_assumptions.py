"""Assumptions about what AWS does not document."""

import json
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest

from local.assumptions import AssumptionError, Assumptions
from local.faults import FaultError, ask
from local.instance import LocalAws

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


def test_values_are_as_they_are_or_text() -> None:
    given = {"pending_removed_after": "never", "attempts": "4", "any_version_abandons": True}
    assert OTHERS.with_values(given) == replace(OTHERS, pending_removed_after=None, attempts=4)
    assert OTHERS.with_values(json.loads(json.dumps(asdict(Assumptions())))) == Assumptions()


def test_the_documentation_has_them_all_with_their_defaults() -> None:
    page = (Path(__file__).parents[2] / "docs" / "local-aws.md").read_text()
    for name, default in asdict(Assumptions()).items():
        shown = "never" if default is None else str(default).removesuffix(".0")
        shown = shown.lower() if isinstance(default, bool) else shown
        assert f"| `{name}` | `{shown}` |" in page


@pytest.mark.parametrize("name", [each.name for each in fields(Assumptions)])
def test_a_wrong_value_is_refused_by_name(name: str) -> None:
    with pytest.raises(AssumptionError, match=rf"^{name} is .*, not -1\.$"):
        Assumptions().with_values({name: -1})


def test_a_local_aws_has_those_it_is_given_and_takes_others(tmp_path: Path) -> None:
    with LocalAws(tmp_path, assumptions=OTHERS) as aws:
        url = f"{aws.environment['LOCAL_CONTROL_URL']}/assumptions"
        assert ask(url) == asdict(OTHERS)
        changed = ask(url, "POST", {"attempts": 2, "pending_removed_after": None})
        assert changed == asdict(replace(OTHERS, attempts=2, pending_removed_after=None))
        with pytest.raises(FaultError, match=r"attempts is a number from 1, not 0\."):
            ask(url, "POST", {"attempts": 0})
        assert ask(url) == changed
