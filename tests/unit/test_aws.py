"""Error codes of AWS become our errors."""

from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    DataNotFoundError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
    UnknownServiceError,
)
from botocore.parsers import ResponseParserError

from rotation.adapters.aws import CLIENT_CONFIG, translated
from rotation.errors import (
    AccessDeniedError,
    RotationError,
    SecretNotFoundError,
    ServiceUnavailableError,
    ThrottlingError,
    UnexpectedAwsError,
)
from tests.unit.fakes import CURRENT_PASSWORD
from tests.unit.leaks import assert_no_leak


def client_error(code: str, message: str = "", status: int = 400) -> ClientError:
    response: dict[str, Any] = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "AnyCall")


def translation_of(error: Exception, **codes: type[RotationError]) -> RotationError:
    with pytest.raises(RotationError) as caught, translated("AnyCall", "an-id", codes):
        raise error
    return caught.value


@pytest.mark.parametrize(
    "code,kind",
    [
        ("Throttling", ThrottlingError),
        ("ThrottlingException", ThrottlingError),
        ("RequestLimitExceeded", ThrottlingError),
        ("TooManyRequestsException", ThrottlingError),
        ("InternalFailure", ServiceUnavailableError),
        ("InternalServiceError", ServiceUnavailableError),
        ("ServiceUnavailable", ServiceUnavailableError),
        ("AccessDenied", AccessDeniedError),
        ("AccessDeniedException", AccessDeniedError),
        ("UnrecognizedClientException", AccessDeniedError),
        ("ExpiredTokenException", AccessDeniedError),
        ("ServiceLinkedRoleNotFoundFault", UnexpectedAwsError),
        ("SomethingNew", UnexpectedAwsError),
    ],
)
def test_a_code_has_a_name_of_ours(code: str, kind: type[RotationError]) -> None:
    error = translation_of(client_error(code))
    assert type(error) is kind
    for part in ("AnyCall", "an-id", code):
        assert part in str(error)


def test_a_calls_own_codes_come_first() -> None:
    own = translation_of(client_error("Throttling"), Throttling=SecretNotFoundError)
    assert type(own) is SecretNotFoundError
    assert SecretNotFoundError.remedy in str(own)


@pytest.mark.parametrize("status", [500, 502, 503])
def test_an_unknown_code_of_a_failing_service_is_transient(status: int) -> None:
    error = translation_of(client_error("SomethingNew", status=status))
    assert type(error) is ServiceUnavailableError


def test_an_answer_without_a_code_is_unexpected() -> None:
    assert type(translation_of(ClientError({}, "AnyCall"))) is UnexpectedAwsError


@pytest.mark.parametrize(
    "message",
    [
        "User: arn:aws:sts::1:assumed-role/r is not authorized to perform: x:Y",
        # Secrets Manager's, of a key that is denied or disabled.
        "Access to KMS is not allowed",
    ],
)
def test_a_denied_access_tells_what_aws_says_of_role_and_action(message: str) -> None:
    error = translation_of(client_error("AccessDeniedException", message))
    assert type(error) is AccessDeniedError
    assert f"{message}. {AccessDeniedError.remedy}" in str(error)


def test_a_sentence_of_aws_ends_with_one_full_stop() -> None:
    error = translation_of(client_error("AccessDeniedException", "Not allowed."))
    assert f"Not allowed. {AccessDeniedError.remedy}" in str(error)


def test_any_other_message_of_aws_is_left_out_since_it_may_quote_an_argument() -> None:
    error = translation_of(client_error("InvalidParameterValue", f"bad: {CURRENT_PASSWORD}"))
    assert_no_leak([CURRENT_PASSWORD], error=error)


@pytest.mark.parametrize(
    "error",
    [
        ConnectTimeoutError(endpoint_url="https://x"),
        ReadTimeoutError(endpoint_url="https://x"),
        EndpointConnectionError(endpoint_url="https://x"),
    ],
)
def test_no_answer_is_transient_and_names_how(error: BotoCoreError) -> None:
    translation = translation_of(error)
    assert type(translation) is ServiceUnavailableError
    assert type(error).__name__ in str(translation)


@pytest.mark.parametrize(
    "error",
    [
        ProxyConnectionError(proxy_url="https://x"),
        ConnectionClosedError(endpoint_url="https://x"),
        SSLError(endpoint_url="https://x", error="bad"),
        HTTPClientError(error="broken"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_any_failure_of_the_connection_is_transient_and_told_with_what_to_do(
    error: BotoCoreError,
) -> None:
    translation = translation_of(error)
    assert type(translation) is ServiceUnavailableError
    assert ServiceUnavailableError.remedy
    assert ServiceUnavailableError.remedy in str(translation)


@pytest.mark.parametrize(
    "error",
    [
        ParamValidationError(report=f"bad: {CURRENT_PASSWORD}"),
        NoCredentialsError(),
        NoRegionError(),
        UnknownServiceError(service_name="x", known_service_names="y"),
        DataNotFoundError(data_path="x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_call_that_was_not_sent_is_not_transient_and_names_why_but_no_argument(
    error: BotoCoreError,
) -> None:
    translation = translation_of(error)
    assert type(translation) is UnexpectedAwsError
    for part in ("AnyCall", "an-id", "was not sent", type(error).__name__):
        assert part in str(translation)
    assert_no_leak([CURRENT_PASSWORD], error=translation)


@pytest.mark.parametrize(
    "error",
    [
        ResponseParserError(f"invalid XML: {CURRENT_PASSWORD}"),
        UnicodeDecodeError("utf-8", CURRENT_PASSWORD.encode(), 0, 1, "invalid start byte"),
        AttributeError("'NoneType' object has no attribute 'get'"),
        KeyError("Status"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_answer_that_cannot_be_read_is_told_without_it(error: Exception) -> None:
    translation = translation_of(error)
    assert type(translation) is UnexpectedAwsError
    for part in ("AnyCall", "an-id", "cannot be read", type(error).__name__):
        assert part in str(translation)
    assert_no_leak([CURRENT_PASSWORD], error=translation)


def test_what_is_not_awss_goes_through() -> None:
    with pytest.raises(ZeroDivisionError), translated("AnyCall", "an-id"):
        raise ZeroDivisionError
    with translated("AnyCall", "an-id"):
        pass


def test_a_client_gives_up_before_its_task_does() -> None:
    attempts = CLIENT_CONFIG.retries["total_max_attempts"]
    assert attempts * (CLIENT_CONFIG.connect_timeout + CLIENT_CONFIG.read_timeout) <= 45
