"""The notification of an execution that did not succeed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rotation.adapters.step_functions import Execution
from rotation.adapters.topic import Message
from rotation.rules.closing import BOTH_PASSWORDS as BOTH
from rotation.rules.closing import HAS_FIRST, LOCKED_OUT, MAY_HAVE_FIRST, UNKNOWN, UNTOUCHED
from rotation.rules.closing import MAY_HAVE_BOTH_PASSWORDS as MAY_HAVE_BOTH
from rotation.rules.closing import NOT_LOCKED_OUT as OK
from rotation.rules.message import clients_line, console_url, failure_message
from rotation.rules.run_history import Ending
from tests.unit.values import EXECUTION_ARN


@pytest.mark.parametrize(
    "status, error, name, ended",
    [
        ("FAILED", "UserBusyError", "UserBusyError", "FAILED, UserBusyError"),
        ("FAILED", "", "FAILED", "FAILED"),
        # StopExecution may have an error of one's own.
        ("ABORTED", "Enough", "ABORTED", "ABORTED"),
        ("TIMED_OUT", "", "TIMED_OUT", "TIMED_OUT"),
    ],
)
def test_an_end_has_its_error_or_its_status(status: str, error: str, name: str, ended: str) -> None:
    at = datetime(2026, 3, 1, 3, 12, 40, tzinfo=UTC)
    message = failure_message(
        Execution(EXECUTION_ARN, status, error, "Why.", at), {"SecretId": "app"}, Ending()
    )
    assert message.subject == f"app: rotation {ended}"
    assert f"\n\nThe rotation ended {ended}, at 2026-03-01 03:12:40 UTC.\n" in message.text
    assert f"docs/troubleshooting.md, {name}." in message.text


ARN = "arn:aws:secretsmanager:eu-west-1:1:secret:production/app-Ab12Cd"


@pytest.mark.parametrize(
    "execution_input, subject, text",
    [
        # pragma: allowlist nextline secret
        ({"SecretId": "app-Ab12Cd"}, "app-Ab12Cd:", "Secret app-Ab12Cd,"),
        ({"SecretId": ARN}, "production/app:", "Secret production/app,"),
        ({"SecretId": "x" * 96}, f"{'x' * 96}:", f"Secret {'x' * 96},"),
        *(
            (unnamed, "a secret without a name: rotation FAILED, AnError", "Secret without a name,")
            for unnamed in (None, "text", {"Comment": "x"}, {"SecretId": 1}, {"SecretId": ""})
        ),
    ],
)
def test_the_secret_is_named(execution_input: Any, subject: str, text: str) -> None:
    execution = Execution(EXECUTION_ARN, "FAILED", "AnError", "Why.")
    message = failure_message(execution, execution_input, Ending())
    assert message.subject.startswith(subject)
    assert f"\n\n{text} account 123456789012, us-east-1." in message.text


LOGGED_IN = "AWSCURRENT logged in on {} of 2 endpoints at 03:12 UTC"
NOT_CHANGED = "not locked out by this run (the user was not changed)"
REFUSED = "LOCKED OUT (AWSCURRENT was refused; the user was not changed)"
UTC_TIME, LOCAL_TIME = "2026-03-01T03:12:40+00:00", "2026-03-01T05:12:40+02:00"


@pytest.mark.parametrize(
    "clients, user, current, line",
    [
        (OK, BOTH, (2, 2, UTC_TIME), f"not locked out ({LOGGED_IN.format(2)})"),
        (LOCKED_OUT, MAY_HAVE_BOTH, (1, 2, LOCAL_TIME), f"LOCKED OUT ({LOGGED_IN.format(1)})"),
        (
            UNKNOWN,
            BOTH,
            (2, 2, UTC_TIME, ["a", "b"]),
            f"unknown ({LOGGED_IN.format(2)}; not tested: a, b)",
        ),
        (UNKNOWN, BOTH, (0, 0, UTC_TIME, ["a"]), "unknown (not tested: a)"),
        (OK, BOTH, (0, 0, UTC_TIME), "not locked out (the user has no endpoint)"),
        (OK, UNTOUCHED, (), NOT_CHANGED),
        (LOCKED_OUT, UNTOUCHED, (), REFUSED),
        (UNKNOWN, BOTH, (), "unknown (whether AWSCURRENT logs in was not verified)"),
        (OK, HAS_FIRST, (), "not locked out (no client uses the user yet)"),
        (UNKNOWN, MAY_HAVE_FIRST, (), "unknown (AWSCURRENT holds no password yet)"),
    ],
)
def test_the_codes_say_whether_clients_are_locked_out(
    clients: str, user: str, current: tuple[object, ...], line: str
) -> None:
    tried = dict(zip(("LoggedIn", "Of", "At", "NotTested"), current, strict=False))
    codes = {"Clients": clients, "User": user, "Current": tried}
    assert clients_line(Ending(codes, user_reached=True), "AnError") == f"Clients: {line}"


@pytest.mark.parametrize("codes", [{}, {"Clients": "ANOTHER_RELEASES"}, {"Error": "AnError"}])
@pytest.mark.parametrize(
    "user_reached, error, line",
    [
        (True, "AnError", "unknown (Close Rotation has not verified it)"),
        (False, "AnError", NOT_CHANGED),
        (False, "CurrentPasswordRefusedError", REFUSED),
    ],
)
def test_without_codes_it_depends_on_whether_the_user_was_reached(
    codes: dict[str, str], user_reached: bool, error: str, line: str
) -> None:
    assert clients_line(Ending(codes, user_reached), error) == f"Clients: {line}"


@pytest.mark.parametrize(
    "text, subject",
    [
        ("a\nb\x00c\td", "a b c d"),
        ("Ключ of secret", "of secret"),
        ("x" * 100, "x" * 100),
        ("x" * 101, "x" * 97 + "..."),
    ],
)
def test_a_subject_is_one_line_of_at_most_100_ascii_characters(text: str, subject: str) -> None:
    assert Message.of(text).subject == subject


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
