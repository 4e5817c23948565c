"""What a service answers when a fault strikes, or IAM denies a call."""

import json

from botocore.exceptions import ClientError

Answer = tuple[int, dict[str, str], str]  # status, headers, body

# By the name that requests to the service are signed with.
CODES: dict[str, dict[str, tuple[str, int]]] = {
    "throttle": {
        "elasticache": ("Throttling", 400),
        "secretsmanager": ("ThrottlingException", 400),
        "states": ("ThrottlingException", 400),
        "lambda": ("TooManyRequestsException", 429),
    },
    "error-500": {
        "elasticache": ("InternalFailure", 500),
        "secretsmanager": ("InternalServiceError", 500),
        "states": ("InternalFailure", 500),
        "lambda": ("ServiceException", 500),
    },
    "deny": {
        "elasticache": ("AccessDenied", 403),
        "secretsmanager": ("AccessDeniedException", 400),
        "states": ("AccessDeniedException", 400),
        "lambda": ("AccessDeniedException", 403),
    },
}


def error_answer(service: str, kind: str, message: str) -> Answer:
    """The service's own shape of an error: XML of the query protocol, or JSON."""
    code, status = CODES[kind][service]
    if service == "elasticache":
        body = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>"
            f"<Message>{message}</Message></Error><RequestId>fault</RequestId></ErrorResponse>"
        )
        return status, {"Content-Type": "text/xml"}, body
    body = json.dumps({"__type": code, "message": message})
    return status, {"Content-Type": "application/x-amz-json-1.1"}, body


def lambda_error(code: str, status: int, message: str, **more: str) -> ClientError:
    """What a client of Lambda raises for such an answer to Invoke."""
    return ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "local"},
            **more,
        },
        "Invoke",
    )


def message(service: str, operation: str, kind: str) -> str:
    """The text of an answer by a fault of that kind."""
    if kind != "deny":
        return f"By fault {kind}:{operation}."
    action = f"{service}:{operation}"
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    return (
        "User: arn:aws:sts::123456789012:assumed-role/elasticache-rotation/function is not "
        f"authorized to perform: {action} because no identity-based policy allows the {action} "
        "action"
    )
