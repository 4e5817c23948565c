"""Generate Password, the handler; its rules are in test_staging.py."""

from datetime import timedelta
from typing import Any

import pytest

from generate_password import handler
from rotation.adapters.secrets_manager import AWSPENDING
from rotation.errors import VersionNotReadableError
from rotation.records.password import PasswordRules
from tests.unit.events import BY_HAND, on_target
from tests.unit.fakes import World
from tests.unit.values import CURRENT, OTHER, OTHER_PASSWORD, PENDING, secret_text

EVENT_BY_HAND = on_target(pending_version_at_check="") | {"ExecutionArn": BY_HAND}


def test_a_run_by_hand_makes_its_version(world: World) -> None:
    answer = world.call(handler, EVENT_BY_HAND)
    assert answer == {"Generated": True, "WaitSeconds": 0, "LateSeconds": 45}
    assert world.secrets.version_with(AWSPENDING) == PENDING
    assert world.secrets.faults.called("random_password") == [(PasswordRules.from_env(),)]


@pytest.mark.parametrize("event", [on_target(), EVENT_BY_HAND])
def test_a_password_that_is_there_is_kept(staged: World, event: dict[str, Any]) -> None:
    before = staged.secrets.snapshot()
    answer = staged.call(handler, event)
    assert answer == {"Generated": False, "WaitSeconds": 0, "LateSeconds": 45}
    assert staged.secrets.snapshot() == before


def test_a_version_that_create_secret_has_to_make_is_made_by_nobody_else(world: World) -> None:
    # Secrets Manager would refuse it.
    world.stage(None)
    before = world.secrets.snapshot()
    with pytest.raises(VersionNotReadableError, match=PENDING):
        world.call(handler, on_target())
    assert world.secrets.snapshot() == before


def test_a_run_that_may_still_be_at_work_is_waited_for(staged: World) -> None:
    staged.secrets.created[OTHER] = staged.secrets.created[CURRENT] + timedelta(seconds=1)
    staged.secrets.texts[OTHER] = secret_text(OTHER_PASSWORD)
    assert staged.call(handler, on_target())["WaitSeconds"] == 45
