"""Check Overdue: the handler's answer, log, metric and message."""

from dataclasses import replace
from datetime import timedelta

import pytest

from check_overdue import handler
from rotation.errors import ConfigurationError, ThrottlingError
from tests.unit.conftest import Lines, SetEnv
from tests.unit.fakes import World
from tests.unit.values import NOW, SECRET_NAME, TOPIC_ARN

FAR = NOW + timedelta(days=365_000)
NOTHING = {"Checked": 1, "OverdueSecrets": 0, "Findings": []}


@pytest.fixture
def sound(world: World) -> World:
    """A secret whose rotation is on, and never overdue."""
    world.secrets.schedule = replace(world.secrets.schedule, last=FAR, next=FAR)
    return world


@pytest.fixture
def off(sound: World, set_env: SetEnv) -> World:
    """A secret whose rotation was turned off, and whose user is off."""
    set_env("TOPIC_ARN", TOPIC_ARN)
    sound.secrets.schedule = replace(sound.secrets.schedule, enabled=False)
    sound.users.change(access_string="off ~* +@all")
    return sound


def test_findings_are_answered_logged_counted_and_published(off: World, log_lines: Lines) -> None:
    answer = off.call(handler, {"source": "aws.events", "detail-type": "Scheduled Event"})
    assert (answer["Checked"], answer["OverdueSecrets"]) == (1, 1)
    findings = [(SECRET_NAME, "RotationOff"), (SECRET_NAME, "UserOff")]
    assert [(finding["Secret"], finding["Kind"]) for finding in answer["Findings"]] == findings
    counted, first, second, _ = log_lines()
    assert counted["OverdueSecrets"] == [1.0]
    assert [(line["secret"], line["finding"]) for line in (first, second)] == findings
    assert first["message"] == answer["Findings"][0]["Message"]
    [message] = off.topic.messages
    assert "RotationOff. The rotation of secret redis/app is off." in message.text


def test_without_a_topic_nothing_is_published(off: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOPIC_ARN")
    assert off.call(handler, {})["OverdueSecrets"] == 1
    assert off.topic.messages == []


def test_no_finding_is_only_counted(sound: World, metric_lines: Lines, set_env: SetEnv) -> None:
    set_env("TOPIC_ARN", TOPIC_ARN)
    assert sound.call(handler, {}) == NOTHING
    assert sound.topic.messages == []
    (line,) = metric_lines()
    assert line["OverdueSecrets"] == [0.0]


def test_a_topic_that_fails_hides_no_metric(off: World, metric_lines: Lines) -> None:
    off.topic.faults.raise_at("publish", ThrottlingError("Throttled."))
    with pytest.raises(ThrottlingError):
        off.call(handler, {})
    (line,) = metric_lines()
    assert line["OverdueSecrets"] == [1.0]


def test_a_check_that_fails_counts_nothing(off: World, metric_lines: Lines) -> None:
    off.users.faults.raise_at("users", ThrottlingError("Throttled."))
    with pytest.raises(ThrottlingError):
        off.call(handler, {})
    assert metric_lines() == []


@pytest.mark.usefixtures("pinned")
def test_a_pinned_stack_checks_its_own_secret(off: World) -> None:
    off.secrets.schedule = replace(off.secrets.schedule, function_arn="")
    assert off.call(handler, {})["OverdueSecrets"] == 1
    assert off.users.faults.called("user")


@pytest.mark.parametrize("required,kinds", [("true", ["UserWithoutGroup"]), ("false", [])])
def test_a_user_needs_a_group_where_endpoints_are_required(
    sound: World, set_env: SetEnv, required: str, kinds: list[str]
) -> None:
    sound.users.change(group_ids=())
    set_env("REQUIRE_ENDPOINTS", required)
    answer = sound.call(handler, {})
    assert [finding["Kind"] for finding in answer["Findings"]] == kinds


@pytest.mark.parametrize("name", ["ROTATION_FUNCTION_ARN", "MAX_MODIFYING_SECONDS"])
def test_a_missing_variable_is_named(
    off: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(ConfigurationError, match=name):
        off.call(handler, {})
