"""What is rotated, as it travels through the execution."""

import json

from hypothesis import given
from hypothesis import strategies as st

from rotation.records.target import Target
from tests.unit.values import OTHER, make_target

TEXT = st.text(max_size=5)
#: The fields that came with a later release, and another value than their default.
LATER = {"FirstRotation": True, "ReplaceUnknownPassword": True, "FirstPasswordCandidates": [OTHER]}


@given(st.builds(Target, *[TEXT] * 7, *[st.booleans()] * 4, st.lists(TEXT, max_size=2)))
def test_a_target_survives_its_way_through_the_execution(target: Target) -> None:
    assert Target.from_state(json.loads(json.dumps(target.to_state()))) == target


def test_only_ids_and_the_users_state_travel_between_the_states() -> None:
    ids = {"SecretArn", "VersionId", "CurrentVersionId", "PendingVersionAtCheck"}
    user = {"UserArn", "UserId", "Username", "Authentication", "TurnOn"}
    run = {"DryRun", "ChangedValues"}
    assert set(make_target().to_state()) == ids | user | run | set(LATER)


def test_the_state_of_another_release_may_have_more_fields_or_fewer() -> None:
    state = make_target().to_state()
    assert Target.from_state({**state, "Added": ["x"]}) == make_target()
    del state["UserArn"]
    assert Target.from_state(state) == make_target()
    for key, value in LATER.items():
        without = {name: its_value for name, its_value in state.items() if name != key}
        assert Target.from_state(without) == make_target()
        assert Target.from_state(state | {key: value}) != make_target()
