"""What all AWS adapters share: one client configuration, and error codes turned into our errors."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError
from botocore.parsers import ResponseParserError

from rotation.errors import (
    AccessDeniedError,
    RotationError,
    ServiceUnavailableError,
    ThrottlingError,
    UnexpectedAwsError,
)

#: Short: the state machine retries for minutes, where a person can see it.
CLIENT_CONFIG = Config(
    connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3}
)

#: Codes that the service models do not list ("Common Errors" pages; botocore's retry definitions).
_COMMON_CODES: dict[str, type[RotationError]] = {
    **dict.fromkeys(
        (
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "RequestLimitExceeded",
            "RequestThrottled",
            "RequestThrottledException",
            "TooManyRequestsException",
            "SlowDown",
            "PriorRequestNotComplete",
            "KmsThrottlingException",
            "ExecutionLimitExceeded",
        ),
        ThrottlingError,
    ),
    **dict.fromkeys(
        (
            "InternalFailure",
            "InternalError",
            "InternalServiceError",
            "ServiceUnavailable",
            "RequestTimeout",
            "RequestTimeoutException",
        ),
        ServiceUnavailableError,
    ),
    **dict.fromkeys(
        (
            "AccessDenied",
            "AccessDeniedException",
            "UnauthorizedOperation",
            "ExpiredToken",
            "ExpiredTokenException",
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "OptInRequired",
            "NotAuthorized",
            "MissingAuthenticationToken",
            "SignatureDoesNotMatch",
            "InvalidSignatureException",
            "RequestExpired",
            "KmsAccessDeniedException",
            "KmsInvalidStateException",
        ),
        AccessDeniedError,
    ),
}

#: What botocore raises on an answer that is none, and what one without a key does.
_UNREADABLE = (ResponseParserError, AttributeError, LookupError, TypeError, ValueError)


@contextmanager
def translated(call: str, on: str, codes: Mapping[str, type[RotationError]] = {}) -> Iterator[None]:
    """Turn botocore's errors into ours, and those of reading what it has answered.

    AWS's own message is left out, since it may quote an argument, but for a denied access, where
    it names the role, the action and the resource.

    Args:
        call: the API call, for the sentence.
        on: the id it was made on.
        codes: this call's own error codes.

    Raises:
        RotationError: the class that the code maps to, else UnexpectedAwsError with the code.
    """
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        kind = codes.get(code) or _COMMON_CODES.get(code)
        if kind is None:
            kind = ServiceUnavailableError if status >= 500 else UnexpectedAwsError
        denied = error.response["Error"].get("Message") if kind is AccessDeniedError else None
        why = f"{denied.rstrip('.')}." if denied else ""
        sentences = (f"{call} on {on} answered {code}.", why, kind.remedy)
        raise kind(" ".join(filter(None, sentences))) from None
    except (HTTPClientError, ConnectionError) as error:
        raise ServiceUnavailableError(
            f"{call} on {on} got no answer ({type(error).__name__}). "
            f"{ServiceUnavailableError.remedy}"
        ) from None
    except BotoCoreError as error:
        raise UnexpectedAwsError(f"{call} on {on} was not sent ({type(error).__name__}).") from None
    except _UNREADABLE as error:
        raise UnexpectedAwsError(
            f"{call} on {on} gave an answer that cannot be read ({type(error).__name__})."
        ) from None
