"""What is rotated, on its way through the execution."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotation.records.target import Target
from tests.unit.fakes import OTHER, make_target

TEXT = st.text(max_size=5)


@given(
    st.builds(
        Target,
        *[TEXT] * 7,
        *[st.booleans()] * 4,
        st.lists(TEXT, max_size=2),
    )
)
def test_a_target_survives_the_way_through_the_execution(target: Target) -> None:
    assert Target.from_state(json.loads(json.dumps(target.to_state()))) == target


def test_only_ids_and_the_users_state_travel_between_the_states() -> None:
    assert set(make_target().to_state()) == {
        "SecretArn",
        "VersionId",
        "CurrentVersionId",
        "PendingVersionAtCheck",
        "UserId",
        "Username",
        "Authentication",
        "TurnOn",
        "DryRun",
        "FirstRotation",
        "ReplaceUnknownPassword",
        "FirstPasswordCandidates",
        "ChangedValues",
    }


def test_what_another_release_has_added_is_left_out() -> None:
    assert Target.from_state({**make_target().to_state(), "Added": ["x"]}) == make_target()


@pytest.mark.parametrize(
    "key,value",
    [
        ("FirstRotation", True),
        ("ReplaceUnknownPassword", True),
        ("FirstPasswordCandidates", [OTHER]),
    ],
)
def test_what_another_release_does_not_have_has_its_default(key: str, value: Any) -> None:
    state = make_target().to_state()
    without = {name: each for name, each in state.items() if name != key}
    assert Target.from_state(without) == Target.from_state(state)
    assert Target.from_state(state | {key: value}) != Target.from_state(without)
