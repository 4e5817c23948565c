"""What is rotated, as it travels through the execution."""

import json
from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st

from rotation.records.target import Target
from tests.unit.values import make_target

#: The fields of the first release. A later one needs a default: an execution in flight lacks it.
FIRST_RELEASE = {
    "secret_arn",
    "version_id",
    "current_version_id",
    "pending_version_at_check",
    "user_arn",  # from the UserId, without it
    "username",
    "authentication",
    "turn_on",
    "dry_run",
}


@given(st.builds(Target, **{field.name: ... for field in fields(Target)}))
def test_a_target_survives_its_way_through_the_execution(target: Target) -> None:
    assert Target.from_state(json.loads(json.dumps(target.to_state()))) == target


def test_the_state_of_another_release_may_have_more_fields_or_fewer() -> None:
    state = make_target().to_state()
    assert Target.from_state({**state, "Added": ["x"]}) == make_target()
    later = {field.name for field in fields(Target)} - FIRST_RELEASE
    for key in ("UserArn", *(name.title().replace("_", "") for name in later)):
        assert key in state
        without = {name: value for name, value in state.items() if name != key}
        # A TypeError for a missing argument: the field needs a default.
        assert Target.from_state(without) == make_target()
