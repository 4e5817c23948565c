"""Every error code that AWS can answer has a name of ours.

Nothing here names a call: the calls are found in the adapters' source, their codes in botocore's
models, and each is played to the adapter's own method by botocore's Stubber. A new call, or a new
code in a new botocore, fails here until somebody says what it means.
"""

import ast
import inspect
import typing
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.model import ListShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.retries import standard
from botocore.session import get_session
from botocore.stub import Stubber

from rotation.adapters.elasticache import ElastiCache
from rotation.adapters.secrets_manager import SecretsManager
from rotation.adapters.step_functions import StepFunctions
from rotation.adapters.topic import Message, Topic
from rotation.errors import (
    AccessDeniedError,
    RotationError,
    ServiceUnavailableError,
    ThrottlingError,
    UnexpectedAwsError,
)
from rotation.records.password import PasswordRules
from rotation.records.user import User
from tests.unit.fakes import EXECUTION_ARN, MACHINE_ARN, RULES, SECRET_ARN, TOPIC_ARN, make_user

FUNCTIONS = Path(__file__).parents[2] / "functions"
ADAPTERS: dict[str, tuple[type, tuple[Any, ...]]] = {
    "elasticache": (ElastiCache, ()),
    "secretsmanager": (SecretsManager, ()),
    "sns": (Topic, (TOPIC_ARN,)),
    "stepfunctions": (StepFunctions, (MACHINE_ARN,)),
}
#: An argument for each type that an adapter's public method takes.
ARGUMENTS: dict[Any, Any] = {
    str: EXECUTION_ARN,
    str | None: SECRET_ARN,
    list[str]: ["a-password"],
    dict[str, Any]: {},
    Message: Message.of("subject", "text"),
    User: make_user(),
    PasswordRules: RULES,
}

#: What any call can answer although no model says so: "Common Errors" of the API references,
#: botocore's retry definitions, and what users report of ElastiCache.
UNMODELLED: dict[type[RotationError], tuple[int, tuple[str, ...]]] = {
    ThrottlingError: (
        400,
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
    ),
    AccessDeniedError: (
        403,
        (
            "AccessDenied",
            "AccessDeniedException",
            "UnauthorizedOperation",
            "OptInRequired",
            "ExpiredToken",
            "ExpiredTokenException",
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "NotAuthorized",
            "MissingAuthenticationToken",
            "SignatureDoesNotMatch",
            "InvalidSignatureException",
            "RequestExpired",
            "KmsAccessDeniedException",
            "KmsInvalidStateException",
        ),
    ),
    ServiceUnavailableError: (
        500,
        (
            "InternalFailure",
            "InternalError",
            "ServiceUnavailable",
            "RequestTimeout",
            "RequestTimeoutException",
            "ACodeThatIsNew",
        ),
    ),
}

NOT_THESE_SERVICES = "of EC2, DynamoDB or a quota"
OUR_BUG = "a bug of ours, or a new rule of AWS: nothing but the code helps, and that is told"
OTHER_RESOURCE = "of a resource that is no user, and a user's ARN is asked about"
NO_TOPIC = "of a platform's endpoint or a text message; a message to a topic is none"
NO_ROLE = "the account has lost ElastiCache's service-linked role, which the code says"

#: Codes without a name of ours, by call ("*": any), and why.
UNEXPECTED: dict[tuple[str, str], str] = {
    **{
        (call, code): OUR_BUG
        for call, codes in {
            "DescribeCacheClusters": ("InvalidParameterCombination", "InvalidParameterValue"),
            "DescribeReplicationGroups": ("InvalidParameterCombination", "InvalidParameterValue"),
            "DescribeServerlessCaches": ("InvalidParameterCombination", "InvalidParameterValue"),
            "DescribeUserGroups": ("InvalidParameterCombination",),
            "DescribeUsers": ("InvalidParameterCombination",),
            "GetExecutionHistory": ("InvalidToken",),
            "GetRandomPassword": ("InvalidParameterException", "InvalidRequestException"),
            "GetSecretValue": ("InvalidParameterException",),
            "ListSecrets": (
                "InvalidNextTokenException",
                "InvalidParameterException",
                "InvalidRequestException",
            ),
            "ListSecretVersionIds": ("InvalidNextTokenException", "InvalidParameterException"),
            "ListExecutions": ("InvalidToken", "ResourceNotFound", "ValidationException"),
            "ListTagsForResource": ("InvalidARN", "InvalidParameterValue"),
            "ModifyUser": ("InvalidParameterCombination", "InvalidParameterValue"),
            "PutSecretValue": ("InvalidParameterException",),
            "StartExecution": ("InvalidExecutionInput", "InvalidName", "ValidationException"),
        }.items()
        for code in codes
    },
    **{
        ("ListTagsForResource", code): OTHER_RESOURCE
        for code in (
            "CacheClusterNotFound",
            "CacheParameterGroupNotFound",
            "CacheSecurityGroupNotFound",
            "CacheSubnetGroupNotFoundFault",
            "GlobalReplicationGroupNotFoundFault",
            "InvalidReplicationGroupState",
            "InvalidServerlessCacheSnapshotStateFault",
            "InvalidServerlessCacheStateFault",
            "ReplicationGroupNotFoundFault",
            "ReservedCacheNodeNotFound",
            "ServerlessCacheNotFoundFault",
            "ServerlessCacheSnapshotNotFoundFault",
            "SnapshotNotFoundFault",
            "UserGroupNotFound",
        )
    },
    **{
        (call, "ServiceLinkedRoleNotFoundFault"): NO_ROLE
        for call in ("DescribeUserGroups", "DescribeUsers", "ModifyUser")
    },
    **{
        ("Publish", code): NO_TOPIC
        for code in ("EndpointDisabled", "InvalidSecurity", "PlatformApplicationDisabled")
    },
    **{("Publish", code): OUR_BUG for code in ("ParameterValueInvalid", "ValidationException")},
    ("DescribeCacheClusters", "CacheClusterNotFound"): "all clusters are asked for, none by its id",
    ("UpdateSecretVersionStage", "LimitExceededException"): "20 labels on a version: not by us",
    ("PutSecretValue", "LimitExceededException"): "some 100 versions in a day, which the code says",
    (
        "GetExecutionHistory",
        "ExecutionDoesNotExist",
    ): "history lags; all that reads it does without",
    **{
        ("*", code): NOT_THESE_SERVICES
        for code in (
            "BandwidthLimitExceeded",
            "EC2ThrottledException",
            "LimitExceededException",
            "ProvisionedThroughputExceededException",
            "TransactionInProgressException",
        )
    },
}

#: Codes that an adapter takes for an answer, by call.
ANSWERS = {
    ("DescribeExecution", "ExecutionDoesNotExist"): "there is none",
    ("StartExecution", "ExecutionAlreadyExists"): "the name is taken",
    ("DescribeUserGroups", "UserGroupNotFound"): "deleted between two looks: no endpoints",
    ("DescribeReplicationGroups", "ReplicationGroupNotFoundFault"): "deleted, as above",
    ("DescribeServerlessCaches", "ServerlessCacheNotFoundFault"): "deleted, as above",
}


@cache
def model_of(service: str) -> ServiceModel:
    return get_session().get_service_model(service)


def python_name(call: str) -> str:
    return str(xform_name(call))


def is_client(node: ast.AST) -> bool:
    return ast.unparse(node) == "self._client"


def passed(tree: ast.AST, function: ast.FunctionDef, parameter: str) -> list[str]:
    """The texts that a module's calls of a method pass as one of its parameters."""
    position = [argument.arg for argument in function.args.args].index(parameter) - 1
    return [
        ast.literal_eval(node.args[position])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == f"self.{function.name}"
    ]


def methods_in(source: str) -> set[str]:
    """The client methods that a module calls. What cannot be told from its text is an error."""
    tree = ast.parse(source)
    found: set[str] = set()
    understood: set[int] = set()
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        for node in ast.walk(function):
            if isinstance(node, ast.Attribute) and is_client(node.value):
                understood.add(id(node.value))
                if node.attr not in ("exceptions", "get_paginator"):
                    found.add(node.attr)
            if not isinstance(node, ast.Call):
                continue
            if ast.unparse(node.func) == "self._client.get_paginator":
                found.add(ast.literal_eval(node.args[0]))
            if ast.unparse(node.func) == "getattr" and is_client(node.args[0]):
                understood.add(id(node.args[0]))
                prefix, parameter = ast.unparse(node.args[1])[2:-2].split("{")
                found |= {prefix + each for each in passed(tree, function, parameter)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and is_client(node.targets[0]):
            understood.add(id(node.targets[0]))
    lost = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.expr) and is_client(node) and id(node) not in understood
    ]
    assert not lost, f"a use of the client that this test cannot follow, in line {lost[0]}"
    return found


@cache
def clients_in_functions() -> dict[str, Path]:
    """The module that makes the client of each service."""
    found: dict[str, Path] = {}
    for path in sorted(FUNCTIONS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("boto3"):
                assert ast.unparse(node.func) == "boto3.client", path
                service = ast.literal_eval(node.args[0])
                assert service not in found, f"two clients of {service}"
                found[service] = path
    return found


def calls_in_source(service: str) -> set[str]:
    """The operations that the service's adapter calls, such as DescribeUsers."""
    names = {python_name(call): call for call in model_of(service).operation_names}
    return {names[method] for method in methods_in(clients_in_functions()[service].read_text())}


def answer_of(shape: Shape | None) -> Any:
    """An answer with everything in it that the model knows of, and no next page."""
    if isinstance(shape, StructureShape):
        left_out = ("Marker", "NextToken", "nextToken", "DeletedDate")
        return {
            name: answer_of(member)
            for name, member in shape.members.items()
            if name not in left_out
        }
    if isinstance(shape, ListShape):
        return [answer_of(shape.member)]
    kinds = {"boolean": True, "integer": 1, "long": 1, "double": 1.0, "map": {}, "blob": b""}
    kinds["timestamp"] = "2026-03-01T00:00:00Z"
    return kinds.get(shape.type_name, "a-text") if shape else {}


@cache
def client_of(service: str) -> Any:
    """Made once: that takes ten times as long as a call that is answered here."""
    return boto3.client(service)


class Played:
    """A client whose every call is answered in full, but for one that answers an error code."""

    def __init__(self, service: str, failing: str = "", code: str = "", status: int = 400) -> None:
        self.calls: list[str] = []
        self._failing, self._code, self._status = failing, code, status
        self._client = client_of(service)
        adapter, more = ADAPTERS[service]
        self.adapter = adapter(self._client, *more)
        self._stubber = Stubber(self._client)

    def _queue(self, model: OperationModel, **_: Any) -> None:
        self.calls.append(model.name)
        method = python_name(model.name)
        if model.name == self._failing:
            self._stubber.add_client_error(method, self._code, "", self._status)
        else:
            self._stubber.add_response(method, answer_of(model.output_shape))

    @contextmanager
    def active(self) -> Iterator[Any]:
        event = "provide-client-params.*.*"
        self._client.meta.events.register(event, self._queue)
        try:
            with self._stubber:
                yield self.adapter
        finally:
            self._client.meta.events.unregister(event, self._queue)


def public_methods(service: str) -> list[str]:
    adapter, _ = ADAPTERS[service]
    return [
        name
        for name, member in vars(adapter).items()
        if not name.startswith("_") and inspect.isfunction(member)
    ]


def use(adapter: Any, method: str) -> None:
    function = getattr(adapter, method)
    types = typing.get_type_hints(function)
    function(**{name: ARGUMENTS[types[name]] for name in inspect.signature(function).parameters})


@cache
def methods_by_call(service: str) -> dict[str, list[str]]:
    """The adapter's public methods that lead to each call, found by using them all."""
    found: dict[str, list[str]] = {}
    for method in public_methods(service):
        played = Played(service)
        # The answer's texts are no secret's.
        with played.active() as adapter, suppress(RotationError):
            use(adapter, method)
        for call in played.calls:
            found.setdefault(call, []).append(method)
    return found


def every_call() -> list[tuple[str, str]]:
    return [(service, call) for service in ADAPTERS for call in sorted(calls_in_source(service))]


def modelled(service: str, call: str) -> dict[str, int]:
    """The codes of a call, each with its HTTP status."""
    return {
        shape.error_code: shape.metadata.get("error", {}).get("httpStatusCode", 400)
        for shape in model_of(service).operation_model(call).error_shapes
    }


def outcomes(service: str, call: str, code: str, status: int) -> list[RotationError | None]:
    """What each public method that makes the call raises; None if it takes it for an answer."""
    found: list[RotationError | None] = []
    for method in methods_by_call(service)[call]:
        played = Played(service, call, code, status)
        with played.active() as adapter:
            try:
                use(adapter, method)
            except RotationError as error:
                found.append(error)
            else:
                found.append(None)
        assert call in played.calls
    return found


def test_every_client_in_the_functions_has_its_adapter_here() -> None:
    assert set(clients_in_functions()) == set(ADAPTERS)
    holders = {path for path in FUNCTIONS.rglob("*.py") if "._client" in path.read_text()}
    assert holders == set(clients_in_functions().values())


@pytest.mark.parametrize("service", ADAPTERS)
def test_every_call_in_an_adapters_source_is_made_through_its_methods(service: str) -> None:
    assert calls_in_source(service)
    assert set(methods_by_call(service)) == calls_in_source(service)


@pytest.mark.parametrize("service,call", every_call())
def test_every_modelled_code_has_a_name_of_ours_or_a_reason(service: str, call: str) -> None:
    wrong = {}
    for code, status in modelled(service, call).items():
        for error in outcomes(service, call, code, status):
            name = type(error).__name__ if error else "an answer"
            if (call, code) in ANSWERS:
                right = error is None
            elif (call, code) in UNEXPECTED:
                # Its line is to go as soon as there is a name.
                right = type(error) is UnexpectedAwsError and code in str(error)
            else:
                right = error is not None and type(error) is not UnexpectedAwsError
            if not right:
                wrong[code] = name
    assert not wrong


@pytest.mark.parametrize("service,call", every_call())
def test_every_code_that_no_model_lists_has_its_name(service: str, call: str) -> None:
    wrong = {}
    for kind, (status, codes) in UNMODELLED.items():
        for code in set(codes) - set(modelled(service, call)):
            for error in outcomes(service, call, code, status):
                if type(error) is not kind:
                    wrong[code] = error
    for anywhere, code in UNEXPECTED:
        if anywhere == "*" and code not in modelled(service, call):
            for error in outcomes(service, call, code, 400):
                if type(error) is not UnexpectedAwsError:
                    wrong[code] = error
    assert not wrong


def test_every_code_that_botocore_sends_again_is_known_here() -> None:
    sent_again = {
        *standard.ThrottledRetryableChecker._THROTTLED_ERROR_CODES,
        *standard.TransientRetryableChecker._TRANSIENT_ERROR_CODES,
    }
    known = {code for _, codes in UNMODELLED.values() for code in codes}
    known |= {code for call, code in UNEXPECTED if call == "*"}
    assert sent_again
    assert sent_again <= known


def test_no_line_is_about_a_code_that_its_call_cannot_answer() -> None:
    can = {(call, code) for service, call in every_call() for code in modelled(service, call)}
    lines = {line for line in UNEXPECTED if line[0] != "*"} | set(ANSWERS)
    assert lines <= can
    assert not set(UNEXPECTED) & set(ANSWERS)


def test_calls_are_found_however_an_adapter_spells_them() -> None:
    source = """
class Adapter:
    def __init__(self, client):
        self._client = client
    def one(self):
        self._client.describe_users(UserId="x")
        with suppress(self._client.exceptions.Gone):
            self._client.get_paginator("list_executions").paginate()
        return self._any(1, "user_groups"), self._any(2, "caches")
    def _any(self, number, plural):
        return getattr(self._client, f"describe_{plural}")()
"""
    assert methods_in(source) == {
        "describe_users",
        "list_executions",
        "describe_user_groups",
        "describe_caches",
    }


@pytest.mark.parametrize(
    "statement", ["client = self._client", "helper(self._client)", "return self._client"]
)
def test_a_use_of_the_client_that_cannot_be_followed_is_an_error(statement: str) -> None:
    with pytest.raises(AssertionError, match="cannot follow, in line 3"):
        methods_in(f"class Adapter:\n    def one(self):\n        {statement}\n")
