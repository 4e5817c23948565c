"""What all AWS adapters share: the client configuration, and the translation of error codes."""

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

#: Few attempts here: the state machine retries for minutes, where a person can see it.
CLIENT_CONFIG = Config(
    connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3}
)

#: Codes that the service models do not list ("Common Errors" pages, botocore's retry rules).
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

#: Errors from parsing a malformed response, and from a key missing in a valid one.
_UNREADABLE = (ResponseParserError, AttributeError, LookupError, TypeError, ValueError)


@contextmanager
def translated(call: str, on: str, codes: Mapping[str, type[RotationError]] = {}) -> Iterator[None]:
    """Turn botocore's errors, and those of reading a response, into ours.

    AWS's own message may quote an argument, so it is left out. A denied access keeps it: there it
    names the role, the action and the resource.

    Args:
        call: the API call, for the message.
        on: the resource of the call, for the message.
        codes: the error codes of this call.

    Raises:
        RotationError: the class for the code, or UnexpectedAwsError with the code.
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
        reason = f"{denied.rstrip('.')}." if denied else ""
        sentences = (f"{call} on {on} answered {code}.", reason, kind.remedy)
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
