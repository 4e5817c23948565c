"""Every error code that AWS can answer has an error class of ours, or a reason to have none.

The calls are found by using all methods of the adapters, the codes in botocore's models. botocore's
Stubber answers each call with each code. A new call, or a new code in a new botocore, fails here
until it is decided what it means.
"""

import inspect
import re
import typing
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.model import ListShape, OperationModel, Shape, StructureShape
from botocore.retries import standard
from botocore.stub import Stubber

from rotation import errors
from rotation.adapters.aws import translated
from rotation.adapters.elasticache import ElastiCache
from rotation.adapters.secrets_manager import SecretsManager
from rotation.adapters.step_functions import StepFunctions
from rotation.adapters.topic import Message, Topic
from rotation.records.password import PasswordRules
from rotation.records.user import User
from tests.unit.values import EXECUTION_ARN, MACHINE_ARN, RULES, SECRET_ARN, TOPIC_ARN, make_user

FUNCTIONS = Path(__file__).parents[2] / "functions"
ADAPTERS: dict[str, tuple[type, tuple[Any, ...]]] = {
    "elasticache": (ElastiCache, ()),
    "secretsmanager": (SecretsManager, ()),
    "sns": (Topic, (TOPIC_ARN,)),
    "stepfunctions": (StepFunctions, (MACHINE_ARN,)),
}
#: An argument for each type that an adapter's public method takes.
ARGUMENTS: dict[Any, Any] = {
    bool: False,
    str: EXECUTION_ARN,
    str | None: SECRET_ARN,
    list[str]: ["a-password"],
    dict[str, Any]: {},
    Message: Message.of("subject", "text"),
    User: make_user(),
    PasswordRules: RULES,
}

OUR_BUG = "a bug of ours, or a new rule of AWS: only the code in the message helps"
#: Codes of resources that are not users: ListTagsForResource has them, and is called for users.
OTHER_RESOURCE = re.compile(r"(?!InvalidUserState|UserNotFound).*(NotFound|State)(Fault)?")
#: Codes without an error class; with their call, where another call has one for the code.
UNNAMED = {
    OUR_BUG: {
        "InvalidARN",
        "InvalidExecutionInput",
        "InvalidName",
        "InvalidNextTokenException",
        "InvalidParameterCombination",
        "InvalidParameterValue",
        "InvalidToken",
        "ParameterValueInvalid",
        "ResourceNotFound",
        "ValidationException",
        "GetRandomPassword.InvalidParameterException",
        "GetRandomPassword.InvalidRequestException",
        "GetSecretValue.InvalidParameterException",
        "ListSecretVersionIds.InvalidParameterException",
        "ListSecrets.InvalidParameterException",
        "ListSecrets.InvalidRequestException",
        "PutSecretValue.InvalidParameterException",
    },
    "the code says that the account has lost ElastiCache's service-linked role": {
        "ServiceLinkedRoleNotFoundFault",
    },
    "of a platform's endpoint or a text message, and messages go to a topic": {
        "EndpointDisabled",
        "InvalidSecurity",
        "PlatformApplicationDisabled",
    },
    "the code says that the secret has too many versions or labels": {"LimitExceededException"},
    "clusters are listed, and none is described by its id": {"CacheClusterNotFound"},
    "the history lags behind, and is not needed": {"GetExecutionHistory.ExecutionDoesNotExist"},
}
#: Codes that an adapter treats as an answer: there is none, the name is taken, it was deleted.
ANSWERS = {
    "DescribeExecution.ExecutionDoesNotExist",
    "ExecutionAlreadyExists",
    "UserGroupNotFound",
    "ReplicationGroupNotFoundFault",
    "ServerlessCacheNotFoundFault",
}
#: Codes that botocore retries, of EC2, DynamoDB or a quota.
OTHER_SERVICES = {
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
}


def answer_of(shape: Shape | None) -> Any:
    """An answer with everything in it that the model knows of, and no next page."""
    if isinstance(shape, StructureShape):
        left_out = ("Marker", "NextToken", "nextToken", "DeletedDate")
        members = shape.members.items()
        return {name: answer_of(member) for name, member in members if name not in left_out}
    if isinstance(shape, ListShape):
        return [answer_of(shape.member)]
    values = {"boolean": True, "integer": 1, "long": 1, "double": 1.0, "map": {}, "blob": b""}
    values["timestamp"] = "2026-03-01T00:00:00Z"
    return values.get(shape.type_name, "a-text") if shape else {}


@cache
def client_of(service: str) -> Any:
    return boto3.client(service)


class StubbedAdapter:
    """An adapter whose every call is answered in full, except one that answers an error code."""

    def __init__(self, service: str, failing: str = "", code: str = "", status: int = 400) -> None:
        self.calls: list[str] = []
        self._failing, self._code, self._status = failing, code, status
        self._client = client_of(service)
        adapter, more = ADAPTERS[service]
        self._adapter = adapter(self._client, *more)
        self._stubber = Stubber(self._client)

    def use(self, method: str) -> None:
        """Call the adapter's method with an argument of each type."""
        function = getattr(self._adapter, method)
        types = typing.get_type_hints(function)
        arguments = {
            name: ARGUMENTS[types[name]] for name in inspect.signature(function).parameters
        }
        event = "provide-client-params.*.*"
        self._client.meta.events.register(event, self._queue)
        try:
            with self._stubber:
                answer = function(**arguments)
                # A generator calls nothing before it is read.
                list(answer if isinstance(answer, Iterator) else ())
        finally:
            self._client.meta.events.unregister(event, self._queue)

    def _queue(self, model: OperationModel, **_: Any) -> None:
        self.calls.append(model.name)
        method = xform_name(model.name)
        if model.name == self._failing:
            self._stubber.add_client_error(method, self._code, "", self._status)
        else:
            self._stubber.add_response(method, answer_of(model.output_shape))


@cache
def methods_by_call(service: str) -> dict[str, list[str]]:
    """The adapter's public methods that lead to each call."""
    found: dict[str, list[str]] = {}
    for method, member in vars(ADAPTERS[service][0]).items():
        if not method.startswith("_") and inspect.isfunction(member):
            adapter = StubbedAdapter(service)
            # The text of the answer is not a secret's.
            with suppress(errors.RotationError):
                adapter.use(method)
            for call in adapter.calls:
                found.setdefault(call, []).append(method)
    return found


def modeled_codes(service: str, call: str) -> dict[str, int]:
    """The codes of a call, each with its HTTP status."""
    return {
        shape.error_code: shape.metadata.get("error", {}).get("httpStatusCode", 400)
        for shape in client_of(service).meta.service_model.operation_model(call).error_shapes
    }


def outcomes(service: str, call: str, code: str, status: int = 400) -> set[type | None]:
    """What the methods that make the call raise; None if one treats the code as an answer."""
    found: set[type | None] = set()
    for method in methods_by_call(service)[call]:
        try:
            StubbedAdapter(service, call, code, status).use(method)
        except errors.RotationError as error:
            found.add(type(error))
        else:
            found.add(None)
    return found


def test_each_client_of_the_functions_belongs_to_one_adapter() -> None:
    texts = [path.read_text() for path in sorted(FUNCTIONS.rglob("*.py"))]
    clients = [name for text in texts for name in re.findall(r'boto3\.client\(\s*"(\w+)"', text)]
    assert sorted(clients) == sorted(ADAPTERS)
    assert sum("._client" in text for text in texts) == len(ADAPTERS)


@pytest.mark.parametrize("service", ADAPTERS)
def test_every_call_in_an_adapters_source_is_made_by_its_public_methods(service: str) -> None:
    source = inspect.getsource(ADAPTERS[service][0])
    names = r'_client\.(?!exceptions|get_paginator)(\w+)|get_paginator\(\s*"(\w+)"'
    in_source = {direct or paged for direct, paged in re.findall(names, source)}
    assert in_source
    assert in_source <= {xform_name(call) for call in methods_by_call(service)}


def test_every_modeled_code_has_an_error_class_or_a_reason() -> None:
    kinds: dict[str, dict[str, str]] = {}
    for service in ADAPTERS:
        for call in methods_by_call(service):
            for code, status in modeled_codes(service, call).items():
                if call == "ListTagsForResource" and OTHER_RESOURCE.fullmatch(code):
                    continue
                found = outcomes(service, call, code, status)
                unnamed = errors.UnexpectedAwsError in found
                kind = "unnamed" if unnamed else "answer" if None in found else "named"
                kinds.setdefault(code, {})[call] = kind

    def codes_of(kind: str) -> set[str]:
        return {
            code if set(calls.values()) == {kind} else f"{call}.{code}"
            for code, calls in kinds.items()
            for call, its_kind in calls.items()
            if its_kind == kind
        }

    reasons = set().union(*UNNAMED.values())
    assert codes_of("unnamed") - reasons == set(), "give it a class in _CODES, or a reason here"
    assert codes_of("unnamed") == reasons
    assert codes_of("answer") == ANSWERS


@pytest.mark.parametrize(
    "code, status, error",
    [
        ("ThrottlingException", 400, errors.ThrottlingError),
        ("AccessDeniedException", 403, errors.AccessDeniedError),
        ("ANewCode", 500, errors.ServiceUnavailableError),
        ("ANewCode", 400, errors.UnexpectedAwsError),
    ],
)
@pytest.mark.parametrize("service", ADAPTERS)
def test_a_code_that_no_model_lists_has_the_same_error_class_in_every_call(
    service: str, code: str, status: int, error: type[errors.RotationError]
) -> None:
    for call in methods_by_call(service):
        assert outcomes(service, call, code, status) == {error}, call


def test_every_code_that_botocore_retries_is_transient_here() -> None:
    throttled = standard.ThrottledRetryableChecker._THROTTLED_ERROR_CODES
    retried = {*throttled, *standard.TransientRetryableChecker._TRANSIENT_ERROR_CODES}
    for code in retried:
        with pytest.raises(errors.RotationError) as caught, translated("AnyCall", "an-id"):
            raise ClientError({"Error": {"Code": code}}, "AnyCall")
        assert caught.value.transient is (code not in OTHER_SERVICES), code
