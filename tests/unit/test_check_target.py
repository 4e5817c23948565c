"""Check Target, the handler; its rules are in test_target_check.py."""

import pytest

import check_target
from rotation.errors import SecretNotAllowedError
from tests.unit.conftest import SetEnv
from tests.unit.events import BY_TOKEN, INPUT
from tests.unit.fakes import World
from tests.unit.values import SECRET_ARN, make_target

EVENT = {"ExecutionArn": BY_TOKEN, "Input": INPUT}


def test_the_answer_is_the_target_that_the_other_states_read(world: World) -> None:
    world.stage(None)
    assert world.call(check_target.handler, EVENT) == make_target().to_state()


@pytest.mark.usefixtures("pinned")
def test_a_pinned_stack_refuses_another_secret(world: World, set_env: SetEnv) -> None:
    set_env("SECRET_ARN", f"{SECRET_ARN}x")
    with pytest.raises(SecretNotAllowedError):
        world.call(check_target.handler, EVENT)
