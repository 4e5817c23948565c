"""The errors of botocore become our errors, without a value that they may quote."""

import pytest
from botocore import exceptions
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
from tests.unit.leaks import assert_no_leak
from tests.unit.values import CURRENT_PASSWORD

URL = {"endpoint_url": "https://x"}
#: What any message of AWS or botocore may quote.
QUOTE = f"bad: {CURRENT_PASSWORD}"


def client_error(code: str, message: str = QUOTE, status: int = 400) -> exceptions.ClientError:
    return exceptions.ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status},
        },
        "AnyCall",
    )


@pytest.mark.parametrize(
    "error,kind,text",
    [
        # test_error_codes.py has all codes.
        (client_error("Throttling"), ThrottlingError, "answered Throttling."),
        (client_error("SomethingNew"), UnexpectedAwsError, "answered SomethingNew."),
        (client_error("SomethingNew", status=500), ServiceUnavailableError, "answered Something"),
        (client_error("SomethingNew", status=503), ServiceUnavailableError, "answered Something"),
        (exceptions.ClientError({}, "AnyCall"), UnexpectedAwsError, "answered unknown."),
        # AWS's message names the role and the action, or says that a key is denied or disabled.
        (client_error("AccessDenied", "Not allowed"), AccessDeniedError, "Denied. Not allowed. C"),
        (client_error("AccessDenied", "Not allowed."), AccessDeniedError, "Denied. Not allowed. C"),
        (client_error("AccessDenied", ""), AccessDeniedError, "answered AccessDenied. C"),
        *(
            (error, ServiceUnavailableError, f"got no answer ({type(error).__name__}).")
            for error in (
                exceptions.ConnectTimeoutError(**URL),
                exceptions.ReadTimeoutError(**URL),
                exceptions.EndpointConnectionError(**URL),
                exceptions.ProxyConnectionError(proxy_url="https://x"),
                exceptions.ConnectionClosedError(**URL),
                exceptions.SSLError(**URL, error=QUOTE),
                exceptions.HTTPClientError(error=QUOTE),
            )
        ),
        *(
            (error, UnexpectedAwsError, f"was not sent ({type(error).__name__}).")
            for error in (
                exceptions.ParamValidationError(report=QUOTE),
                exceptions.NoCredentialsError(),
                exceptions.NoRegionError(),
            )
        ),
        *(
            (error, UnexpectedAwsError, f"cannot be read ({type(error).__name__}).")
            for error in (
                ResponseParserError(QUOTE),
                UnicodeDecodeError("utf-8", QUOTE.encode(), 0, 1, "invalid start byte"),
                AttributeError(QUOTE),
                KeyError(QUOTE),
                TypeError(QUOTE),
            )
        ),
    ],
)
def test_an_error_names_the_call_and_quotes_no_value(
    error: Exception, kind: type[RotationError], text: str
) -> None:
    with pytest.raises(RotationError) as caught, translated("AnyCall", "an-id"):
        raise error
    assert type(caught.value) is kind
    for part in ("AnyCall on an-id", text, kind.remedy):
        assert part in str(caught.value)
    assert_no_leak([CURRENT_PASSWORD], error=caught.value)


def test_a_calls_own_codes_come_first() -> None:
    own = {"Throttling": SecretNotFoundError}
    with (
        pytest.raises(SecretNotFoundError, match=SecretNotFoundError.remedy),
        translated("AnyCall", "an-id", own),
    ):
        raise client_error("Throttling")


def test_an_error_that_is_not_of_aws_stays_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError), translated("AnyCall", "an-id"):
        raise ZeroDivisionError


def test_a_client_gives_up_before_its_task_does() -> None:
    attempts = CLIENT_CONFIG.retries["total_max_attempts"]
    assert attempts * (CLIENT_CONFIG.connect_timeout + CLIENT_CONFIG.read_timeout) <= 45
