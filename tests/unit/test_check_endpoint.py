"""Check Endpoint."""

import pytest

from check_endpoint import handler
from rotation import errors
from rotation.adapters.secrets_manager import AWSCURRENT
from tests.unit.events import at_endpoint
from tests.unit.fakes import World
from tests.unit.leaks import assert_no_leak
from tests.unit.values import (
    ALL_PASSWORDS,
    CURRENT,
    CURRENT_PASSWORD,
    ENDPOINT,
    OTHER,
    OTHER_PASSWORD,
    PENDING,
    PENDING_PASSWORD,
    PREVIOUS,
    PREVIOUS_PASSWORD,
    SECRET_ARN,
    USERNAME,
    Json,
    secret_text,
)


def test_an_endpoint_that_accepts_awscurrent_and_no_made_up_password_passes(world: World) -> None:
    answer = world.call(handler, at_endpoint())
    assert answer == {"Endpoint": str(ENDPOINT), "CurrentLogsIn": True, "ProvenVersion": ""}
    assert world.cache.opened == [(ENDPOINT, USERNAME)]
    made_up, *others = world.cache.tried
    assert made_up not in ALL_PASSWORDS
    assert others == [CURRENT_PASSWORD]


def test_a_node_that_asks_for_no_password_is_found_before_anything_is_changed(world: World) -> None:
    # The user has a password, yet its ACL on the node has not.
    world.users.change(authentication="no-password")
    with pytest.raises(errors.AnyPasswordAcceptedError):
        world.call(handler, at_endpoint())


@pytest.mark.parametrize("access_string", ["on ~* +@all", "off ~* +@all"])
def test_a_user_without_a_password_only_needs_an_answer(world: World, access_string: str) -> None:
    world.users.change(authentication="no-password", access_string=access_string)
    world.secrets.texts[CURRENT] = secret_text(None)
    world.call(handler, at_endpoint(authentication="no-password"))
    assert len(world.cache.tried) == 1


@pytest.mark.parametrize("dry_run", [True, False])
def test_awscurrent_has_to_log_in_before_anything_is_changed(world: World, dry_run: bool) -> None:
    # A typo in a secret would be a password that nobody has; clients use another one.
    world.users.passwords = [OTHER_PASSWORD]
    with pytest.raises(errors.CurrentPasswordRefusedError) as caught:
        world.call(handler, at_endpoint(dry_run=dry_run))
    for part in (SECRET_ARN, str(ENDPOINT), USERNAME, '"ReplaceUnknownPassword": true'):
        assert part in str(caught.value)
    assert_no_leak(ALL_PASSWORDS, error=caught.value)


@pytest.mark.parametrize(
    "on_node,in_secret,target,logs_in",
    [
        # A person may say that another password is replaced.
        (CURRENT_PASSWORD, CURRENT_PASSWORD, {"replace_unknown_password": True}, True),
        (OTHER_PASSWORD, CURRENT_PASSWORD, {"replace_unknown_password": True}, False),
        (CURRENT_PASSWORD, None, {"replace_unknown_password": True}, False),
        # There is no password to try.
        (CURRENT_PASSWORD, None, {}, True),
        # A user that is off until its first rotation.
        (OTHER_PASSWORD, CURRENT_PASSWORD, {"turn_on": True}, True),
    ],
)
def test_whether_awscurrent_logs_in_where_it_need_not(
    world: World, on_node: str, in_secret: str | None, target: Json, logs_in: bool
) -> None:
    world.users.passwords = [on_node]
    world.secrets.texts[CURRENT] = secret_text(in_secret)
    assert world.call(handler, at_endpoint(**target))["CurrentLogsIn"] is logs_in
    tried = in_secret is not None and "turn_on" not in target
    assert len(world.cache.tried) == 1 + tried


def test_the_password_is_that_of_the_version_that_was_checked(world: World) -> None:
    world.secrets.add(OTHER, secret_text(OTHER_PASSWORD), AWSCURRENT)
    world.call(handler, at_endpoint())
    assert world.cache.tried[1:] == [CURRENT_PASSWORD]


CANDIDATES = {"first_password_candidates": [OTHER, PENDING, PREVIOUS]}


@pytest.fixture
def cut_off(staged: World) -> World:
    """A first rotation was stopped after it had set its password, and a second one before."""
    staged.secrets.texts[CURRENT] = secret_text(None)
    staged.secrets.add(OTHER, secret_text(OTHER_PASSWORD))
    staged.users.passwords = [PENDING_PASSWORD]
    return staged


def test_a_password_of_an_earlier_first_rotation_has_to_log_in(cut_off: World) -> None:
    answer = cut_off.call(handler, at_endpoint(**CANDIDATES))
    assert answer["ProvenVersion"] == PENDING
    # Newest first, and no more than it takes.
    assert cut_off.cache.tried[1:] == [OTHER_PASSWORD, PENDING_PASSWORD]


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_user_that_none_of_them_logs_in_is_refused(cut_off: World, dry_run: bool) -> None:
    cut_off.users.passwords = ["A~password~of~a~person~by~hand"]
    with pytest.raises(errors.CurrentPasswordUnknownError, match="lock out") as caught:
        cut_off.call(handler, at_endpoint(**CANDIDATES, dry_run=dry_run))
    assert cut_off.cache.tried[1:] == [OTHER_PASSWORD, PENDING_PASSWORD, PREVIOUS_PASSWORD]
    assert_no_leak(ALL_PASSWORDS, error=caught.value)


@pytest.mark.parametrize("text", [None, b"binary", "no JSON", secret_text(None)])
def test_a_candidate_that_cannot_be_read_is_skipped(
    cut_off: World, text: str | bytes | None
) -> None:
    cut_off.secrets.texts[OTHER] = text
    cut_off.call(handler, at_endpoint(**CANDIDATES))
    assert cut_off.cache.tried[1:] == [PENDING_PASSWORD]
