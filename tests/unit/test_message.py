"""What is said of an execution that did not succeed, in one message."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rotation.adapters.step_functions import Ending, Execution
from rotation.adapters.topic import Message
from rotation.rules import closing
from rotation.rules.message import clients_line, console_url, failure
from tests.unit.fakes import EXECUTION_ARN


@pytest.mark.parametrize(
    "status, error, name, ended",
    [
        ("FAILED", "UserBusyError", "UserBusyError", "FAILED, UserBusyError"),
        ("FAILED", "", "FAILED", "FAILED"),
        # StopExecution may be given an error of one's own.
        ("ABORTED", "Enough", "ABORTED", "ABORTED"),
        ("TIMED_OUT", "", "TIMED_OUT", "TIMED_OUT"),
    ],
)
def test_an_end_is_named_after_its_error_or_its_status(
    status: str, error: str, name: str, ended: str
) -> None:
    at = datetime(2026, 3, 1, 3, 12, 40, tzinfo=UTC)
    execution = Execution(EXECUTION_ARN, status, error, "Why.", at)
    message = failure(execution, {"SecretId": "app"}, Ending())
    assert message.subject == f"app: rotation {ended}"
    assert f"\n\nThe rotation ended {ended}, at 2026-03-01 03:12:40 UTC.\n" in message.text
    assert f"docs/troubleshooting.md, {name}." in message.text


@pytest.mark.parametrize(
    "secret_id, name",
    [
        ("production/app-Ab12Cd", "production/app-Ab12Cd"),
        ("arn:aws:secretsmanager:eu-west-1:1:secret:production/app-Ab12Cd", "production/app"),
        ("x" * 96, "x" * 96),
    ],
)
def test_the_subject_begins_with_the_secrets_whole_name(secret_id: str, name: str) -> None:
    execution = Execution(EXECUTION_ARN, "FAILED", "CurrentPasswordRefusedError", "Why.")
    message = failure(execution, {"SecretId": secret_id}, Ending())
    assert message.subject.startswith(f"{name}:")
    assert f"Secret {name}, account 123456789012, us-east-1." in message.text


@pytest.mark.parametrize("given", [None, [], {}, {"SecretId": 1}, {"SecretId": ""}])
def test_a_secret_that_is_not_named_is_said_to_have_no_name(given: Any) -> None:
    message = failure(Execution(EXECUTION_ARN, "FAILED", "AnError", "Why."), given, Ending())
    assert message.subject == "a secret without a name: rotation FAILED, AnError"
    assert "\n\nSecret without a name, account" in message.text


UNTRIED = (None, None, None)


@pytest.mark.parametrize(
    "clients, user, tried, line",
    [
        (
            closing.NOT_LOCKED_OUT,
            closing.BOTH_PASSWORDS,
            (2, 2, "2026-03-01T03:12:40+00:00"),
            "not locked out (AWSCURRENT logged in on 2 of 2 endpoints at 03:12 UTC)",
        ),
        (
            closing.LOCKED_OUT,
            closing.MAY_HAVE_BOTH_PASSWORDS,
            (1, 2, "2026-03-01T05:12:40+02:00"),
            "LOCKED OUT (AWSCURRENT logged in on 1 of 2 endpoints at 03:12 UTC)",
        ),
        (
            closing.NOT_LOCKED_OUT,
            closing.BOTH_PASSWORDS,
            (0, 0, "2026-03-01T03:12:40+00:00"),
            "not locked out (the user has no endpoint)",
        ),
        (
            closing.NOT_LOCKED_OUT,
            closing.UNTOUCHED,
            UNTRIED,
            "not locked out by this run (the user was not changed)",
        ),
        (
            closing.LOCKED_OUT,
            closing.UNTOUCHED,
            UNTRIED,
            "LOCKED OUT (AWSCURRENT was refused; the user was not changed)",
        ),
        (
            closing.UNKNOWN,
            closing.BOTH_PASSWORDS,
            UNTRIED,
            "unknown (whether AWSCURRENT logs in was not verified)",
        ),
        (
            closing.NOT_LOCKED_OUT,
            closing.HAS_FIRST,
            UNTRIED,
            "not locked out (no client uses the user yet)",
        ),
        (
            closing.UNKNOWN,
            closing.MAY_HAVE_FIRST,
            UNTRIED,
            "unknown (AWSCURRENT holds no password yet)",
        ),
    ],
)
def test_whether_clients_are_locked_out_is_told_from_the_codes(
    clients: str, user: str, tried: tuple[object, ...], line: str
) -> None:
    current = dict(zip(("LoggedIn", "Of", "At"), tried, strict=True))
    codes = {"Clients": clients, "User": user, "Current": current}
    assert clients_line(Ending(codes, user_reached=True), "AnError") == f"Clients: {line}"


@pytest.mark.parametrize(
    "of,line",
    [
        (2, "unknown (AWSCURRENT logged in on 2 of 2 endpoints at 03:12 UTC; not tested: a, b)"),
        (0, "unknown (not tested: a, b)"),
    ],
)
def test_caches_that_were_not_tested_are_named(of: int, line: str) -> None:
    current = {"LoggedIn": of, "Of": of, "At": "2026-03-01T03:12:40+00:00", "NotTested": ["a", "b"]}
    codes = {"Clients": closing.UNKNOWN, "User": closing.BOTH_PASSWORDS, "Current": current}
    assert clients_line(Ending(codes, user_reached=True), "AnError") == f"Clients: {line}"


@pytest.mark.parametrize("codes", [{}, {"Clients": "ANOTHER_RELEASES"}, {"Error": "AnError"}])
@pytest.mark.parametrize(
    "user_reached, error, line",
    [
        (True, "AnError", "unknown (Close Rotation has not verified it)"),
        (False, "AnError", "not locked out by this run (the user was not changed)"),
        (
            False,
            "CurrentPasswordRefusedError",
            "LOCKED OUT (AWSCURRENT was refused; the user was not changed)",
        ),
    ],
)
def test_without_codes_clients_are_known_of_a_user_that_was_not_reached(
    codes: dict[str, str], user_reached: bool, error: str, line: str
) -> None:
    assert clients_line(Ending(codes, user_reached), error) == f"Clients: {line}"


@pytest.mark.parametrize(
    "given, subject",
    [
        ("a\nb\x00c\td", "a b c d"),
        ("Ключ of secret", "of secret"),
        ("x" * 100, "x" * 100),
        ("x" * 101, "x" * 97 + "..."),
    ],
)
def test_a_subject_is_one_line_of_100_ascii_characters_at_most(given: str, subject: str) -> None:
    assert Message.of(given).subject == subject


@pytest.mark.parametrize(
    "partition, region, host",
    [
        ("aws", "eu-central-1", "console.aws.amazon.com"),
        ("aws-cn", "cn-north-1", "console.amazonaws.cn"),
        ("aws-eusc", "eusc-de-east-1", "console.amazonaws-eusc.eu"),
        ("aws-us-gov", "us-gov-west-1", "console.amazonaws-us-gov.com"),
    ],
)
def test_the_console_is_that_of_the_partition(partition: str, region: str, host: str) -> None:
    arn = f"arn:{partition}:states:{region}:123456789012:execution:m:e"
    assert console_url(arn) == (
        f"https://{region}.{host}/states/home?region={region}#/v2/executions/details/{arn}"
    )
