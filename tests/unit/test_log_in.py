"""Log In."""

from contextlib import suppress
from typing import Any

import pytest
from aws_lambda_powertools.metrics.base import SingleMetric

from log_in import handler
from rotation import errors
from tests.unit.conftest import Lines
from tests.unit.events import at_endpoint
from tests.unit.fakes import World
from tests.unit.values import (
    ALL_PASSWORDS,
    CURRENT,
    CURRENT_PASSWORD,
    ENDPOINT,
    PENDING,
    PENDING_PASSWORD,
    USERNAME,
    secret_text,
)


def test_new_and_current_log_in_and_a_made_up_one_does_not(modified: World) -> None:
    assert modified.call(handler, at_endpoint()) == {"Endpoint": str(ENDPOINT)}
    assert modified.cache.opened == [(ENDPOINT, USERNAME)]
    made_up, *required = modified.cache.tried
    assert made_up not in ALL_PASSWORDS
    assert required == [PENDING_PASSWORD, CURRENT_PASSWORD]


@pytest.mark.parametrize(
    "refused,which", [(PENDING_PASSWORD, "new"), (CURRENT_PASSWORD, "current")]
)
def test_a_password_that_is_refused_is_named(modified: World, refused: str, which: str) -> None:
    modified.cache.refused = {refused}
    with pytest.raises(errors.PasswordRefusedError, match=f"The {which} password"):
        modified.call(handler, at_endpoint())


def test_a_node_that_accepts_any_password_proves_nothing(modified: World) -> None:
    modified.users.change(authentication="no-password")
    with pytest.raises(errors.AnyPasswordAcceptedError):
        modified.call(handler, at_endpoint())


def test_a_first_rotation_has_no_current_password_to_try(modified: World) -> None:
    modified.secrets.texts[CURRENT] = secret_text(None)
    modified.users.passwords = [PENDING_PASSWORD]
    modified.call(handler, at_endpoint())
    assert modified.cache.tried[1:] == [PENDING_PASSWORD]


@pytest.mark.parametrize("version", [PENDING, CURRENT])
def test_without_a_password_no_login_is_counted(
    modified: World, metric_lines: Lines, version: str
) -> None:
    modified.secrets.texts[version] = None
    with pytest.raises(errors.VersionNotReadableError):
        modified.call(handler, at_endpoint())
    assert metric_lines() == []


@pytest.mark.parametrize(
    "error,outcome",
    [
        (None, "Succeeded"),
        (errors.PasswordRefusedError("refused"), "PasswordRefusedError"),
        (ValueError(CURRENT_PASSWORD), "UnexpectedError"),
    ],
)
def test_a_login_is_counted_by_its_outcome(
    modified: World, metric_lines: Lines, error: Exception | None, outcome: str
) -> None:
    if error:
        modified.cache.faults.raise_at("open", error)
    with suppress(errors.RotationError):
        modified.call(handler, at_endpoint())
    (line,) = metric_lines()
    assert (line["Logins"], line["outcome"]) == ([1.0], outcome)


@pytest.mark.parametrize("broken", ["add_metric", "add_dimension", "serialize_metric_set"])
def test_a_metric_that_fails_changes_no_outcome(
    modified: World, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("no metric today")

    monkeypatch.setattr(SingleMetric, broken, fail)
    assert modified.call(handler, at_endpoint()) == {"Endpoint": str(ENDPOINT)}
    modified.cache.refused = {PENDING_PASSWORD}
    with pytest.raises(errors.PasswordRefusedError):
        modified.call(handler, at_endpoint())
