"""Check Overdue: the handler's answer, log, metric and message."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

import check_overdue
from rotation.errors import ConfigurationError, ThrottlingError
from tests.unit.fakes import NOW, SECRET_ARN, SECRET_NAME, TOPIC_ARN, USER_ARN, USERNAME, World
from tests.unit.test_report_rotation import metrics_in

EVENTS: list[dict[str, Any]] = [{}, {"source": "aws.events", "detail-type": "Scheduled Event"}]


@pytest.fixture
def off(world: World) -> World:
    """A secret whose rotation was turned off, and whose user is off."""
    far = NOW + timedelta(days=365_000)
    world.secrets.schedule = replace(world.secrets.schedule, enabled=False, last=far, next=far)
    world.users.change(access_string="off ~* +@all")
    return world


@pytest.mark.parametrize("event", EVENTS)
def test_the_answer_lists_what_was_found(off: World, event: dict[str, Any]) -> None:
    answer = off.call(check_overdue.handler, event)
    assert (answer["Checked"], answer["OverdueSecrets"]) == (1, 1)
    assert [(each["Secret"], each["Kind"]) for each in answer["Findings"]] == [
        (SECRET_NAME, "RotationOff"),
        (SECRET_NAME, "UserOff"),
    ]
    assert json.dumps(answer)


def test_each_finding_is_a_line_in_the_log(off: World, output: Callable[[], str]) -> None:
    off.call(check_overdue.handler, {})
    lines = [json.loads(line) for line in output().splitlines()]
    found = [line for line in lines if line.get("finding")]
    assert [(line["finding"], line["secret"]) for line in found] == [
        ("RotationOff", SECRET_NAME),
        ("UserOff", SECRET_NAME),
    ]
    assert found[0]["message"].startswith("The rotation of secret redis/app is off.")


def test_secrets_are_counted_and_not_findings(off: World, output: Callable[[], str]) -> None:
    off.call(check_overdue.handler, {})
    (line,) = metrics_in(output())
    assert line["OverdueSecrets"] == [1.0]


def test_no_finding_is_a_count_too(off: World, output: Callable[[], str]) -> None:
    off.secrets.schedule = replace(off.secrets.schedule, enabled=True)
    off.users.change(access_string="on ~* +@all")
    assert off.call(check_overdue.handler, {}) == {
        "Checked": 1,
        "OverdueSecrets": 0,
        "Findings": [],
    }
    (line,) = metrics_in(output())
    assert line["OverdueSecrets"] == [0.0]


def test_the_topic_is_told_once_and_only_of_findings(
    off: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    off.call(check_overdue.handler, {})
    assert off.topic.messages == []
    monkeypatch.setenv("TOPIC_ARN", TOPIC_ARN)
    off.call(check_overdue.handler, {})
    [message] = off.topic.messages
    assert "RotationOff. The rotation of secret redis/app is off." in message.text
    off.secrets.schedule = replace(off.secrets.schedule, enabled=True)
    off.users.change(access_string="on ~* +@all")
    off.call(check_overdue.handler, {})
    assert off.topic.messages == [message]


def test_a_topic_that_cannot_be_told_hides_no_metric(
    off: World, monkeypatch: pytest.MonkeyPatch, output: Callable[[], str]
) -> None:
    monkeypatch.setenv("TOPIC_ARN", TOPIC_ARN)
    off.topic.faults.raise_at("publish", ThrottlingError("Throttled."))
    with pytest.raises(ThrottlingError):
        off.call(check_overdue.handler, {})
    (line,) = metrics_in(output())
    assert line["OverdueSecrets"] == [1.0]


@pytest.mark.filterwarnings("ignore:No application metrics")
def test_a_check_that_fails_counts_nothing(off: World, output: Callable[[], str]) -> None:
    off.users.faults.raise_at("users", ThrottlingError("Throttled."))
    with pytest.raises(ThrottlingError):
        off.call(check_overdue.handler, {})
    assert metrics_in(output()) == []


def test_a_pinned_stack_looks_at_its_own_secret(
    off: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_ARN", SECRET_ARN)
    monkeypatch.setenv("USER_ARN", USER_ARN)
    monkeypatch.setenv("USER_NAME", USERNAME)
    off.secrets.schedule = replace(off.secrets.schedule, function_arn="")
    assert off.call(check_overdue.handler, {})["OverdueSecrets"] == 1
    assert off.users.faults.called("user")


@pytest.mark.parametrize("required, kinds", [("true", ["UserWithoutGroup"]), ("false", [])])
def test_a_group_is_looked_for_where_the_stack_requires_a_cache(
    world: World, monkeypatch: pytest.MonkeyPatch, required: str, kinds: list[str]
) -> None:
    far = NOW + timedelta(days=365_000)
    world.secrets.schedule = replace(world.secrets.schedule, last=far, next=far)
    world.users.change(group_ids=())
    monkeypatch.setenv("REQUIRE_ENDPOINTS", required)
    answer = world.call(check_overdue.handler, {})
    assert [finding["Kind"] for finding in answer["Findings"]] == kinds


@pytest.mark.filterwarnings("ignore:No application metrics")
@pytest.mark.parametrize("name", ["ROTATION_FUNCTION_ARN", "MAX_MODIFYING_SECONDS"])
def test_a_missing_variable_is_named(
    off: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(ConfigurationError, match=name):
        off.call(check_overdue.handler, {})
