"""What is said of an execution that did not succeed, in one message."""

from typing import Any

import pytest

from rotation.message import Message, console_url, failure
from rotation.step_functions import Execution
from tests.unit.fakes import EXECUTION_ARN


@pytest.mark.parametrize(
    "status, error, name, ended",
    [
        ("FAILED", "UserBusyError", "UserBusyError", "FAILED, with UserBusyError."),
        ("FAILED", "", "FAILED", "FAILED."),
        # StopExecution may be given an error of one's own.
        ("ABORTED", "Enough", "ABORTED", "ABORTED."),
        ("TIMED_OUT", "", "TIMED_OUT", "TIMED_OUT."),
    ],
)
def test_an_end_is_named_after_its_error_or_its_status(
    status: str, error: str, name: str, ended: str
) -> None:
    message = failure(Execution(EXECUTION_ARN, status, error, "Why."), {"SecretId": "app"})
    assert message.subject == f"{name}: rotation of secret app"
    assert message.text.startswith(f"The rotation of secret app ended {ended}\n")
    assert f"docs/troubleshooting.md, {name}." in message.text


@pytest.mark.parametrize("given", [None, [], {}, {"SecretId": 1}, {"SecretId": ""}])
def test_a_secret_that_is_not_named_is_said_to_have_no_name(given: Any) -> None:
    message = failure(Execution(EXECUTION_ARN, "FAILED", "AnError", "Why."), given)
    assert message.subject == "AnError: rotation of a secret without a name"


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
