"""Log In."""

from collections.abc import Callable
from typing import Any

import pytest
from aws_lambda_powertools.metrics.base import SingleMetric

import log_in
from rotation.errors import (
    AnyPasswordAcceptedError,
    EndpointUnreachableError,
    PasswordRefusedError,
    UnexpectedError,
    VersionNotReadableError,
)
from tests.unit.fakes import (
    ALL_PASSWORDS,
    CURRENT,
    CURRENT_PASSWORD,
    ENDPOINT,
    PENDING,
    PENDING_PASSWORD,
    USERNAME,
    World,
    make_target,
    secret_text,
)
from tests.unit.test_report_rotation import metrics_in

EVENT = {"Target": make_target().to_state(), "Endpoint": ENDPOINT.to_state()}


@pytest.fixture
def modified(world: World) -> World:
    world.stage()
    world.modify()
    return world


def test_new_and_current_log_in_and_a_made_up_one_does_not(modified: World) -> None:
    assert modified.call(log_in.handler, EVENT) == {"Endpoint": str(ENDPOINT)}
    assert modified.cache.opened == [(ENDPOINT, USERNAME)]
    made_up, *required = modified.cache.tried
    assert made_up not in ALL_PASSWORDS
    assert required == [PENDING_PASSWORD, CURRENT_PASSWORD]
    assert modified.cache.closed == 1


@pytest.mark.parametrize(
    "refused,which", [(PENDING_PASSWORD, "new"), (CURRENT_PASSWORD, "current")]
)
def test_a_password_that_does_not_log_in_fails_by_its_name(
    modified: World, refused: str, which: str
) -> None:
    modified.cache.refused = {refused}
    with pytest.raises(PasswordRefusedError, match=f"The {which} password"):
        modified.call(log_in.handler, EVENT)
    assert modified.cache.closed == 1


def test_a_node_that_lets_anybody_in_proves_nothing(modified: World) -> None:
    modified.users.change(authentication="no-password")
    with pytest.raises(AnyPasswordAcceptedError):
        modified.call(log_in.handler, EVENT)


def test_a_user_that_is_off_does_not_log_in(modified: World) -> None:
    modified.users.change(access_string="off ~* +@all")
    with pytest.raises(PasswordRefusedError, match="new"):
        modified.call(log_in.handler, EVENT)


def test_a_first_rotation_has_no_current_password_to_try(modified: World) -> None:
    modified.secrets.texts[CURRENT] = secret_text(None)
    modified.users.passwords = [PENDING_PASSWORD]
    modified.call(log_in.handler, EVENT)
    assert modified.cache.tried[1:] == [PENDING_PASSWORD]


@pytest.mark.parametrize("version", [PENDING, CURRENT])
def test_a_password_that_cannot_be_read_yet_is_not_taken_for_none(
    modified: World, version: str
) -> None:
    modified.secrets.texts[version] = None
    with pytest.raises(VersionNotReadableError):
        modified.call(log_in.handler, EVENT)


def test_an_endpoint_that_does_not_answer_is_told(modified: World) -> None:
    modified.cache.faults.raise_at("open", EndpointUnreachableError("no answer"))
    with pytest.raises(EndpointUnreachableError):
        modified.call(log_in.handler, EVENT)


def outcomes(text: str) -> list[str]:
    return [line["outcome"] for line in metrics_in(text) if line["Logins"] == [1.0]]


def test_a_login_is_counted_by_its_outcome(modified: World, output: Callable[[], str]) -> None:
    modified.call(log_in.handler, EVENT)
    assert outcomes(output()) == ["Succeeded"]
    modified.cache.refused = {PENDING_PASSWORD}
    with pytest.raises(PasswordRefusedError):
        modified.call(log_in.handler, EVENT)
    assert outcomes(output()) == ["PasswordRefusedError"]
    modified.cache.faults.raise_at("open", EndpointUnreachableError("no answer"))
    with pytest.raises(EndpointUnreachableError):
        modified.call(log_in.handler, EVENT)
    assert outcomes(output()) == ["EndpointUnreachableError"]
    modified.cache.faults.raise_at("open", ValueError(CURRENT_PASSWORD))
    with pytest.raises(UnexpectedError):
        modified.call(log_in.handler, EVENT)
    assert outcomes(output()) == ["UnexpectedError"]


def test_a_login_that_was_not_tried_is_not_counted(
    modified: World, output: Callable[[], str]
) -> None:
    modified.secrets.texts[PENDING] = None
    with pytest.raises(VersionNotReadableError):
        modified.call(log_in.handler, EVENT)
    assert outcomes(output()) == []


@pytest.mark.parametrize("broken", ["add_metric", "add_dimension", "serialize_metric_set"])
def test_a_metric_that_fails_does_no_harm(
    modified: World, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("no metric today")

    monkeypatch.setattr(SingleMetric, broken, fail)
    assert modified.call(log_in.handler, EVENT) == {"Endpoint": str(ENDPOINT)}
    modified.cache.refused = {PENDING_PASSWORD}
    with pytest.raises(PasswordRefusedError):
        modified.call(log_in.handler, EVENT)
