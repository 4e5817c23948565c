"""A whole AWS in one process: the very machine and handlers, no sockets, waits that take no time.

Real: statemachine/rotation.asl.json on moto's interpreter, functions/ as functions, the rules of
local/ (staging labels, Secrets Manager's rotations, ElastiCache's users and groups) and its faults.
Not real: there is no HTTP and nothing of botocore but its retries between a handler and a service,
Lambda is a function call, a node is a dictionary of users, and retries have no jitter.
"""

import copy
import hashlib
import importlib
import io
import json
import math
import random
import re
import string
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.session import get_session
from moto.core.exceptions import JsonRESTError, ServiceException
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import (
    WaitFunction,
)
from moto.stepfunctions.parser.backend import execution as parser_execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

import local.elasticache
from local import interpreter, moments
from local.access import session_of
from local.assumptions import Assumptions
from local.faults import SECRETS_MANAGER, STEP_FUNCTIONS, Faults, Past, lambda_error
from local.faults.answers import CODES
from local.instance import DEFAULT_CONCURRENCY
from local.nodes import Fleet
from local.rotations import Rotation
from local.secret_requests import OPERATIONS, check_parameters
from local.secrets_manager import LocalSecretsManager
from rotation.adapters.aws import CLIENT_CONFIG
from rotation.adapters.elasticache import ElastiCache
from rotation.adapters.login import NodeConnection
from rotation.adapters.secrets_manager import SecretsManager
from rotation.adapters.step_functions import StepFunctions
from rotation.errors import EndpointUnreachableError
from rotation.records.endpoint import Endpoint
from rotation.runtime.telemetry import logger
from tests.histories.stage import Stage

ACCOUNT, REGION = "123456789012", "us-east-1"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:rotation"
ROTATION_FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:RotateSecretFunction"
DEFINITION = Path("statemachine/rotation.asl.json")
START = datetime(2026, 1, 1, tzinfo=UTC)
FUNCTION_SECONDS, ROTATION_FUNCTION_SECONDS = 40, 900
#: Calls that change something: an actor parks before each, so that others can come between.
CHANGING = {"PutSecretValue", "UpdateSecretVersionStage", "ModifyUser", "StartExecution"}
#: Answers an operation's request.
Service = Callable[[str, dict[str, Any]], Any]
#: An operation's answer, or its error.
Outcome = tuple[Any, Exception | None]
_TIMEOUT = ReadTimeoutError(endpoint_url="lost")


class KilledError(BaseException):
    """The process of a function is no more; what Lambda then answers is in its text."""


class MemoryNode:
    """What a Valkey node knows of its users."""

    def __init__(self, position: int) -> None:
        self.position = position
        self.users: dict[str, list[str]] = {}

    def listen(self, *, tls: bool = True) -> int:
        """Its one address."""
        return id(self)

    def set_user(self, name: str, rules: Sequence[str]) -> None:
        """As ACL SETUSER reset."""
        self.users[name] = list(rules)

    def delete_user(self, name: str) -> None:
        """As ACL DELUSER."""
        self.users.pop(name, None)

    def lets_in(self, name: str, password: str) -> bool:
        """As AUTH."""
        rules = self.users.get(name, [])
        hashed = f"#{hashlib.sha256(password.encode()).hexdigest()}"
        switch = [rule.lower() for rule in rules if rule.lower() in ("on", "off")][-1:]
        return switch == ["on"] and ("nopass" in rules or hashed in rules)


class MemoryFleet:
    """The nodes of all caches."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.nodes: dict[int, MemoryNode] = {}
        faults.count_nodes = lambda: max((node.position for node in self.nodes.values()), default=0)

    def start_nodes(self, count: int) -> list[MemoryNode]:
        """A cache's nodes."""
        nodes = [MemoryNode(position) for position in range(1, count + 1)]
        self.nodes |= {node.listen(): node for node in nodes}
        return nodes

    def stop_nodes(self, nodes: Sequence[MemoryNode]) -> None:
        """They are gone."""
        for node in nodes:
            del self.nodes[node.listen()]

    def check_rules(self, rules: Sequence[str]) -> None:
        """Any rules will do: Valkey itself is in the other world."""


class StagedWorker(ExecutionWorker):  # type: ignore[misc]
    """The interpreter's thread, as an actor named after its execution."""

    stage: Stage
    #: When each execution has ended, on the stage's clock.
    ended: dict[str, datetime]

    def _execution_logic(self) -> None:
        arn = self._evaluation_details.execution_details.arn
        try:
            with self.stage.acting(arn):
                super()._execution_logic()
        finally:
            self.ended[arn] = START + timedelta(seconds=self.stage.now)
            self.stage.leave(arn)

    def start(self) -> None:
        """Starts the thread."""
        self.stage.enter(self._evaluation_details.execution_details.arn)
        super().start()


@dataclass
class StagedCall:
    """A call of a handler, and how it meets a fault."""

    service: str
    operation: str
    user_id: str

    def refuse(self, kind: str, text: str) -> Any:
        """As the client raises it."""
        raise JsonRESTError(CODES[kind][self.service][0], text)

    def kill(self) -> None:
        """Its function goes no further."""
        raise KilledError("Runtime.ExitError")

    def lose(self) -> Any:
        """Whether or not the call has counted."""
        raise _TIMEOUT


class Client:
    """What the adapters use of a boto3 client, over a function that answers any call."""

    def __init__(self, service: str, answer: Service) -> None:
        self._operations = _operations(service)
        self._answer = answer
        self.exceptions = SimpleNamespace(
            ExecutionAlreadyExists=type("ExecutionAlreadyExists", (ClientError,), {}),
            ExecutionDoesNotExist=type("ExecutionDoesNotExist", (ClientError,), {}),
        )

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            try:
                return self._answer(self._operations[method], request)
            except (JsonRESTError, ServiceException) as error:
                code = str(getattr(error, "error_type", "") or getattr(error, "code", ""))
                kind = getattr(self.exceptions, code, ClientError)
                status = {"HTTPStatusCode": 400}
                found = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": status}
                raise kind(found, method) from None

        return call

    def get_paginator(self, method: str) -> Any:
        """All on one page."""

        def paginate(PaginationConfig: Any = None, **request: Any) -> "_OnePage":
            return _OnePage([getattr(self, method)(**request)])

        return SimpleNamespace(paginate=paginate)


class _Caller(threading.local):
    """Whose credentials the thread has: a function's while it is in the handler, or a person's.

    ``until`` is when Lambda ends the function.
    """

    arn = f"arn:aws:iam::{ACCOUNT}:root"
    until = math.inf


class _OnePage(list[dict[str, Any]]):
    def build_full_result(self) -> dict[str, Any]:
        return self[0]


class StagedSecretsManager(LocalSecretsManager):
    """Its rotations are actors, and its time is the stage's."""

    stage: Stage

    def _clock(self) -> float:
        return START.timestamp() + self.stage.now

    def _sleep(self, seconds: float) -> None:
        self.stage.sleep(seconds)

    def _after(self, seconds: float, work: Callable[..., None], *arguments: Any) -> None:
        self.stage.after(seconds, work, *arguments)

    def _begin(self, secret: Any, token: str, function: str, *, only_test: bool = False) -> None:
        if (secret.arn, token) not in self._rotating:
            self.stage.enter(f"rotation {token}")
        super()._begin(secret, token, function, only_test=only_test)

    def _rotate(self, rotation: Rotation) -> None:
        self._acted(super()._rotate, rotation)

    def _test(self, rotation: Rotation) -> None:
        self._acted(super()._test, rotation)

    def _acted(self, work: Callable[[Rotation], None], rotation: Rotation) -> None:
        name = f"rotation {rotation.token}"
        try:
            with self.stage.acting(name):
                work(rotation)
        finally:
            self.stage.leave(name)


class InProcess:
    """The services, the machine and the functions; all state is here."""

    def __init__(
        self,
        *,
        modifying_seconds: float = 5,
        seed: int = 0,
        assumptions: Assumptions | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
    ) -> None:
        self.stage = Stage()
        self.faults = Faults(now=lambda: self.stage.now)
        self.fleet = MemoryFleet(self.faults)
        self.logs = io.StringIO()
        self._random = random.Random(seed)
        self._concurrency, self._in_flight = concurrency, 0
        self._users = local.elasticache.ElastiCache(
            cast(Fleet, self.fleet), modifying_seconds, self.stage.after
        )
        self._secrets = StagedSecretsManager(REGION, ACCOUNT)
        self._secrets.assumptions = assumptions or self._secrets.assumptions
        self._ended: dict[str, datetime] = {}
        self._caller = _Caller()
        self._machines = interpreter.LocalStepFunctions(REGION, ACCOUNT)
        self.secrets = Client("secretsmanager", partial(self._called, "secretsmanager"))
        self.elasticache = Client("elasticache", partial(self._called, "elasticache"))
        self.step_functions = Client("stepfunctions", partial(self._called, "states"))
        self.faults.past = {
            service: Past(partial(self._moment, service), _same) for service in _PARTS
        }

    @contextmanager
    def set_up(self) -> Iterator["InProcess"]:
        """In its place while the test runs: where the handlers and the services look."""
        stage, patch = self.stage, pytest.MonkeyPatch()
        clock = SimpleNamespace(sleep=stage.sleep, time=lambda: int(stage.now))
        StagedWorker.stage = StagedSecretsManager.stage = stage
        StagedWorker.ended = self._ended
        StagedSecretsManager.lambda_client = staticmethod(
            lambda: SimpleNamespace(
                invoke=self._invoke,
                get_function=lambda FunctionName: {"Configuration": _configuration(FunctionName)},
                get_policy=lambda **_: {"Policy": json.dumps({"Statement": [_PERMISSION]})},
            )
        )
        machine_client = SimpleNamespace(invoke=self._invoke)
        interpreter.install(
            lambda role_arn: machine_client, self.faults.stops, lambda execution: None
        )
        with patch.context() as put:
            put.setattr(interpreter, "backends", {ACCOUNT: {REGION: self._machines}})
            put.setattr(parser_execution, "ExecutionWorker", StagedWorker)
            put.setattr(retrier_decl, "time", clock)
            put.setattr(retrier_decl.RetrierDecl, "_eval_body", self._retry)
            put.setattr(WaitFunction, "_wait_interval", self._wait)
            put.setattr(SecretsManager, "connect", lambda: SecretsManager(self.secrets))
            put.setattr(ElastiCache, "connect", lambda: ElastiCache(self.elasticache))
            put.setattr(
                StepFunctions, "connect", lambda: StepFunctions(self.step_functions, MACHINE)
            )
            put.setattr(NodeConnection, "open", self._open)
            for name in ("modify_user", "describe_user", "generate_password", "close_rotation"):
                put.setattr(importlib.import_module(name), "datetime", _clock(stage))
            put.setattr(importlib.import_module("rotate_secret"), "time", clock)
            put.setattr(importlib.import_module("rotate_secret"), "random", self._random)
            put.setattr(logger.registered_handler, "stream", self.logs)
            put.setenv("MAX_MODIFYING_SECONDS", "1800")
            put.setenv("PASSWORD_LENGTH", "32")
            put.setenv("PASSWORD_CHARACTERS", "UrlSafe")
            put.setenv("ROTATION_FUNCTION_ARN", ROTATION_FUNCTION)
            put.setenv("LATE_FUNCTION_SECONDS", "45")
            put.setenv("EXECUTION_LOOK_SECONDS", "60")
            self._machines.create_state_machine(
                MACHINE.rsplit(":", 1)[1], _definition(), "arn:aws:iam::123456789012:role/machine"
            )
            yield self

    # What only a test sees

    def executions(self) -> dict[str, dict[str, Any]]:
        """DescribeExecution's answers, by ARN."""
        found = self._machines.describe_state_machine(MACHINE).executions
        return {str(each.exec_arn): each.to_describe_output() for each in found}

    def text(self, secret_arn: str, label: str = "AWSCURRENT") -> str:
        """The version's that has the label, of a deleted secret too."""
        for version in self._secrets.secrets[secret_arn].versions.values():
            if label in version["version_stages"]:
                return str(version["secret_string"])
        raise AssertionError(f"{secret_arn} has no {label}")

    def outcome(self, token: str) -> str:
        """How Secrets Manager's rotation with that token has ended, in its last word."""
        return str(self._secrets.progress(token)["told"][-1].rsplit(" ", 1)[-1])

    # Services

    def _called(self, service: str, operation: str, request: dict[str, Any]) -> Any:
        """One call of a client; an actor's is sent again as botocore does."""
        self.faults.see(service)
        if self.stage.actor is None:
            return self._answer(service, operation, request)
        for attempt in range(CLIENT_CONFIG.retries["total_max_attempts"] - 1):
            try:
                return self._sent(service, operation, request)
            except ReadTimeoutError:
                pass
            except JsonRESTError as error:
                codes = (CODES[kind][service][0] for kind in ("throttle", "error-500"))
                if error.error_type not in codes:
                    raise
            self._back_off(attempt)
        return self._sent(service, operation, request)

    def _back_off(self, attempt: int) -> None:
        """Between two attempts; here, no time passes."""

    def _sent(self, service: str, operation: str, request: dict[str, Any]) -> Any:
        """One request: an actor waits for its turn where it matters, and may meet a fault."""
        if operation in CHANGING:
            self.stage.park(operation)
            self._require_time()

        def perform(stale: bool) -> Any:
            self._require_tags(operation, request)
            if not stale:
                return self._answer(service, operation, request)
            now = self._outcome(service, operation, request)
            answer, error = self.faults.before(service, now, operation, request)
            if error:
                raise error
            return answer

        call = StagedCall(service, operation, request.get("UserId", ""))
        return self.faults.meet(call, perform)

    def _require_time(self) -> None:
        """A function that has waited for its turn for too long is no more."""
        if self.stage.now > self._caller.until:
            raise KilledError("Sandbox.Timedout")

    def _answer(self, service: str, operation: str, request: dict[str, Any]) -> Any:
        parts: dict[str, Service] = {
            "secretsmanager": self._secrets_manager,
            "elasticache": self._users.call,
            "states": self._step_functions,
        }
        return parts[service](operation, request)

    def _outcome(self, service: str, operation: str, request: dict[str, Any]) -> Outcome:
        try:
            return self._answer(service, operation, request), None
        except (JsonRESTError, ServiceException) as error:
            return None, error

    def _moment(self, service: str) -> tuple[Any, Callable[..., Outcome]]:
        """The service's state, and what it would answer in that."""
        part, moment_of = _PARTS[service]
        state, frozen = moment_of(getattr(self, part))
        other = copy.copy(self)
        setattr(other, part, frozen)
        return state, partial(other._outcome, service)

    def _require_tags(self, operation: str, request: dict[str, Any]) -> None:
        """IAM allows ModifyUser by the user's tag, and may not see it (fault hide-tags)."""
        user = self._users.users.get(request.get("UserId", "").lower())
        if operation == "ModifyUser" and user and not self._users.seen_by_iam(user.arn):
            raise JsonRESTError(CODES["deny"]["elasticache"][0], "It has no tags.")

    def _secrets_manager(self, operation: str, request: dict[str, Any]) -> Any:
        check_parameters(operation, request)
        return _with_dates(self._secrets_managers_json(operation, request))

    def _secrets_managers_json(self, operation: str, request: dict[str, Any]) -> Any:
        secrets, secret_id = self._secrets, request.get("SecretId", "")
        if operation == "RotateSecret":
            rules = {"AutomaticallyAfterDays": 30}
            request = {**request, "RotationLambdaARN": ROTATION_FUNCTION, "RotationRules": rules}
        if operation in OPERATIONS:
            token = {"ClientRequestToken": request.get("ClientRequestToken") or str(self._uuid())}
            more = token if operation in ("PutSecretValue", "RotateSecret") else {}
            try:
                return secrets.call(operation, {**request, **more}, self._caller.arn)
            finally:
                # A RotateSecret that is refused may have begun the previous rotation again.
                if operation == "RotateSecret":
                    self.stage.settle()
        match operation:
            case "GetRandomPassword":
                return {"RandomPassword": self._password(request)}
            case "CreateSecret":
                text = request["SecretString"]
                made = secrets.create_secret(
                    request["Name"], text, None, None, [], None, str(self._uuid()), [], False
                )
                return json.loads(made)
            case "DeleteSecret":
                secrets.delete_secret(secret_id, 7, False)
            case "RestoreSecret":
                secrets.restore_secret(secret_id)
            case _:
                raise NotImplementedError(operation)
        return {}

    def _step_functions(self, operation: str, request: dict[str, Any]) -> Any:
        machines, arn = self._machines, request.get("executionArn", "")
        match operation:
            case "StartExecution":
                name = request.get("name") or str(self._uuid())
                machines.start_execution(MACHINE, name, request["input"])
                if self.stage.actor is None:
                    self.stage.settle()
                return {"executionArn": f"{MACHINE.replace('stateMachine', 'execution')}:{name}"}
            case "DescribeExecution":
                shape = machines.describe_execution(arn).to_describe_output()
                described = {key: value for key, value in shape.items() if value is not None}
                if "stopDate" in described:
                    described["stopDate"] = self._ended.get(arn, START)
                return described
            case "ListExecutions":
                executions = machines.describe_state_machine(MACHINE).executions
                status = request["statusFilter"]
                found = [each for each in executions if each.exec_status == status]
                return {
                    "executions": [
                        {"executionArn": each.exec_arn, "startDate": each.start_date}
                        for each in found
                    ]
                }
            case "GetExecutionHistory":
                events = list(machines.get_execution_history(arn)["events"])
                return {"events": events[::-1] if request.get("reverseOrder") else events}
            case "StopExecution":
                now = datetime.now(UTC)
                machines.describe_execution(arn).stop(now, "Stopped", "By a person.")
                return {}
            case _:
                raise NotImplementedError(operation)

    def _password(self, request: dict[str, Any]) -> str:
        kinds = [string.ascii_lowercase, string.ascii_uppercase, string.digits, string.punctuation]
        allowed = [[*{*kind} - {*request["ExcludeCharacters"]}] for kind in kinds]
        chosen = [self._random.choice(sorted(kind)) for kind in allowed]
        every = sorted(character for kind in allowed for character in kind)
        chosen += self._random.choices(every, k=request["PasswordLength"] - len(chosen))
        self._random.shuffle(chosen)
        return "".join(chosen)

    def _uuid(self) -> uuid.UUID:
        return uuid.UUID(int=self._random.getrandbits(128), version=4)

    # Functions and nodes

    def _invoke(self, FunctionName: str, Payload: str | bytes) -> dict[str, Any]:
        """As Lambda: the handler's answer, or its error's name and text."""
        event = json.loads(Payload)
        actor = self.stage.actor or event["ExecutionArn"]
        name = FunctionName.rsplit(":", 1)[-1].removesuffix("Function")
        rotates = name == "RotateSecret"
        with self.stage.acting(actor):
            asked = self.stage.now
            self.stage.park(name)
            by_secrets_manager = FunctionName == ROTATION_FUNCTION
            self.faults.invoked(
                FunctionName, SECRETS_MANAGER if by_secrets_manager else STEP_FUNCTIONS
            )
            # What a stopped execution has asked for, Lambda does without a delay.
            begun = asked if self._is_stopped(actor) else self.stage.now
            limit = ROTATION_FUNCTION_SECONDS if rotates else FUNCTION_SECONDS
            context = SimpleNamespace(
                function_name=name,
                memory_limit_in_mb=256,
                invoked_function_arn=FunctionName,
                aws_request_id=str(self._uuid()),
                get_remaining_time_in_millis=lambda: (begun + limit - self.stage.now) * 1000,
            )
            module = importlib.import_module(re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower())
            outside = self._caller.arn, self._caller.until
            self._caller.arn, self._caller.until = _session(FunctionName), begun + limit
            try:
                self._require_time()
                with self._slot():
                    answer, error = module.handler(event, context), {}
            except KilledError as killed:
                answer = {"errorType": str(killed), "errorMessage": "The process is no more."}
                error = {"FunctionError": "Unhandled"}
            except ClientError:
                raise
            except Exception as failed:
                answer = {"errorType": type(failed).__name__, "errorMessage": str(failed)}
                error = {"FunctionError": "Unhandled"}
            finally:
                self._caller.arn, self._caller.until = outside
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(answer).encode()), **error}

    def _is_stopped(self, actor: str) -> bool:
        found = self._machines.describe_state_machine(MACHINE).executions
        return any(each.exec_arn == actor and each.exec_status != "RUNNING" for each in found)

    @contextmanager
    def _slot(self) -> Iterator[None]:
        """An invocation counts from its begin to its end, in the stage's time.

        Raises:
            ClientError: it is one too many.
        """
        if self._in_flight >= self._concurrency:
            reason = {"Reason": "ConcurrentInvocationLimitExceeded"}
            raise lambda_error("TooManyRequestsException", 429, "Rate Exceeded.", **reason)
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1

    @contextmanager
    def _open(self, endpoint: Endpoint, username: str) -> Iterator[NodeConnection]:
        node = self.fleet.nodes.get(endpoint.port)
        if node is None or self.faults.strikes("drop-node", node.position):
            raise EndpointUnreachableError(f"{endpoint} cannot be reached.")
        yield MemoryNodeConnection(endpoint, username, node, self.faults)

    # The interpreter's waits. It has threads for all kinds of things; `env` knows whose they are.

    @property
    def _wait(self) -> Callable[..., None]:
        def wait(_: Any, env: Any, wait_seconds: float) -> None:
            with self.stage.acting(_execution(env)):
                self.stage.sleep(wait_seconds)

        return wait

    @property
    def _retry(self) -> Callable[..., None]:
        def retry(each: Any, env: Any) -> None:
            with self.stage.acting(_execution(env)):
                _EVAL_RETRY(each, env)

        return retry


class MemoryNodeConnection(NodeConnection):
    """Tries passwords on a node of this world."""

    def __init__(self, endpoint: Endpoint, username: str, node: MemoryNode, faults: Any) -> None:
        super().__init__(endpoint, username, cast(Any, None))
        self._node = node
        self._faults = faults

    def accepts(self, password: str) -> bool:
        """As the node answers AUTH."""
        if {"kill-before", "kill-after"} & self._faults.due("AUTH").keys():
            raise KilledError("Runtime.ExitError")
        return self._node.lets_in(self._username, password)


def _same(one: Outcome, other: Outcome) -> bool:
    return (one[0], repr(one[1])) == (other[0], repr(other[1]))


_EVAL_RETRY = retrier_decl.RetrierDecl._eval_body
#: Each service's part of the world, and how that is kept as it is.
_PARTS: dict[str, tuple[str, Callable[[Any], tuple[Any, Any]]]] = {
    "secretsmanager": ("_secrets", moments.of_secrets_manager),
    "elasticache": ("_users", moments.of_elasticache),
    "states": ("_machines", moments.of_step_functions),
}
_PERMISSION = {"Effect": "Allow", "Principal": {"Service": "secretsmanager.amazonaws.com"}}


@cache
def _operations(service: str) -> dict[str, str]:
    """The names of its API, by those of boto3's methods."""
    model = get_session().get_service_model(service)
    return {xform_name(name): name for name in model.operation_names}


def _configuration(function: str) -> dict[str, str]:
    """What GetFunction tells: each function has a role of its own."""
    name = function.rsplit(":", 1)[-1]
    return {"FunctionName": name, "Role": f"arn:aws:iam::{ACCOUNT}:role/{name}"}


def _session(function: str) -> str:
    found = _configuration(function)
    return session_of(found["Role"], found["FunctionName"])


def _with_dates(shape: Any) -> Any:
    """The JSON of Secrets Manager as boto3 gives it."""
    if isinstance(shape, list):
        return [_with_dates(each) for each in shape]
    if not isinstance(shape, dict):
        return shape
    return {
        key: datetime.fromtimestamp(value, UTC) if key.endswith("Date") else _with_dates(value)
        for key, value in shape.items()
    }


def _execution(env: Any) -> str:
    return str(env.states.context_object.context_object_data["Execution"]["Id"])


def _clock(stage: Stage) -> type:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return START + timedelta(seconds=stage.now)

    return Clock


def _definition() -> str:
    """The machine; one item of a Map at a time, and no jitter: the test decides what comes when.

    Without TimeoutSeconds, which would be of real time.
    """
    text = re.sub(r"\$\{(\w+)\}", r"\1", DEFINITION.read_text()).replace("Partition", "aws")

    def simpler(shape: dict[str, Any]) -> dict[str, Any]:
        if shape.get("Type") == "Map":
            shape["MaxConcurrency"] = 1
        return {key: shape[key] for key in shape if key not in ("JitterStrategy", "TimeoutSeconds")}

    return json.dumps(json.loads(text, object_hook=simpler))
