"""AWS in one process: the real state machine and handlers, no sockets, and waits that take no time.

Real: statemachine/rotation.asl.json on moto's interpreter, functions/ as functions, the rules of
local/ (staging labels, Secrets Manager's rotations, ElastiCache's users and groups) and its faults.
Not real: there is no HTTP and nothing of botocore but its retries between a handler and a service,
Lambda is a function call, a node is a dictionary of users, and retries have no jitter.
"""

import io
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ReadTimeoutError
from moto.core.exceptions import JsonRESTError
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import (
    WaitFunction,
)
from moto.stepfunctions.parser.backend import execution as parser_execution

import local.elasticache
from local import interpreter
from local.assumptions import Assumptions
from local.faults.answers import CODES
from local.instance import DEFAULT_CONCURRENCY
from local.nodes import Fleet
from rotation.adapters.aws import CLIENT_CONFIG
from rotation.adapters.elasticache import ElastiCache
from rotation.adapters.login import NodeConnection
from rotation.adapters.secrets_manager import SecretsManager
from rotation.adapters.step_functions import StepFunctions
from rotation.errors import EndpointUnreachableError
from rotation.records.endpoint import Endpoint
from rotation.runtime.telemetry import logger
from tests.histories.memory_nodes import MemoryFleet, MemoryNodeConnection
from tests.histories.staged_functions import StagedFunctions
from tests.histories.staged_services import (
    ACCOUNT,
    REGION,
    START,
    Client,
    StagedCall,
    StagedSecretsManager,
    StagedWorker,
    StepFunctionsAnswers,
    answer,
    answer_secret,
)

MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:rotation"
ROTATION_FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:RotateSecretFunction"
DEFINITION = Path("statemachine/rotation.asl.json")
#: Calls that change something: an actor parks before each, so that others can come between.
CHANGING = {"PutSecretValue", "UpdateSecretVersionStage", "ModifyUser", "StartExecution"}


class InProcess(StagedFunctions):
    """The services, the state machine and the functions; all state is here.

    Secrets Manager's assumptions are by default those of the environment.
    """

    def __init__(
        self,
        *,
        modifying_seconds: float = 5,
        seed: int = 0,
        assumptions: Assumptions | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
    ) -> None:
        super().__init__(seed, concurrency)
        self.fleet = MemoryFleet(self.faults)
        self.logs = io.StringIO()
        self._users = local.elasticache.ElastiCache(
            cast(Fleet, self.fleet), modifying_seconds, self.stage.after
        )
        self._secrets = StagedSecretsManager(REGION, ACCOUNT)
        self._secrets.assumptions = assumptions or self._secrets.assumptions
        self._ended: dict[str, datetime] = {}
        self._machines = interpreter.LocalStepFunctions(REGION, ACCOUNT)
        self.secrets: Any = Client("secretsmanager", partial(self._called, "secretsmanager"))
        self.elasticache: Any = Client("elasticache", partial(self._called, "elasticache"))
        self.step_functions: Any = Client("stepfunctions", partial(self._called, "states"))

    @contextmanager
    def set_up(self) -> Iterator["InProcess"]:
        """In its place while the test runs: where the handlers and the services look."""
        StagedWorker.stage = StagedSecretsManager.stage = self.stage
        StagedWorker.ended = self._ended
        StagedSecretsManager.lambda_client = staticmethod(lambda: self.lambda_client)
        interpreter.install(lambda role: self.lambda_client, self.faults.stops, lambda run: None)
        clock = SimpleNamespace(sleep=self.stage.sleep, time=lambda: int(self.stage.now))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(interpreter, "backends", {ACCOUNT: {REGION: self._machines}})
            patch.setattr(parser_execution, "ExecutionWorker", StagedWorker)
            patch.setattr(retrier_decl, "time", clock)
            patch.setattr(
                retrier_decl.RetrierDecl,
                "_eval_body",
                lambda retrier, env: self._acting(env, _EVAL_RETRY, retrier, env),
            )
            patch.setattr(
                WaitFunction,
                "_wait_interval",
                lambda _, env, wait_seconds: self._acting(env, self.stage.sleep, wait_seconds),
            )
            patch.setattr(SecretsManager, "connect", lambda: SecretsManager(self.secrets))
            patch.setattr(ElastiCache, "connect", lambda: ElastiCache(self.elasticache))
            step_functions = StepFunctions(self.step_functions, MACHINE)
            patch.setattr(StepFunctions, "connect", lambda: step_functions)
            patch.setattr(NodeConnection, "open", self._open)
            patch.setattr(logger.registered_handler, "stream", self.logs)
            # Threads of the interpreter raise when they are stopped.
            patch.setattr(threading, "excepthook", lambda _: None)
            self._patch_handlers(patch, clock)
            patch.setenv("ROTATION_FUNCTION_ARN", ROTATION_FUNCTION)
            self._machines.create_state_machine(
                MACHINE.rsplit(":", 1)[1], _definition(), "arn:aws:iam::123456789012:role/machine"
            )
            yield self

    # What only a test sees

    def executions(self) -> dict[str, dict[str, Any]]:
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
        return str(self._secrets.progress(token)["messages"][-1].rsplit(" ", 1)[-1])

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
        call = StagedCall(service, operation, request.get("UserId", ""))
        return self.faults.meet(call, lambda stale: self._answer(service, operation, request))

    def _answer(self, service: str, operation: str, request: dict[str, Any]) -> Any:
        if service == "elasticache":
            return self._users.call(operation, request)
        if service == "states":
            return self._step_functions(operation, request)
        if operation in ("CreateSecret", "PutSecretValue", "RotateSecret"):
            # As botocore does.
            request = {"ClientRequestToken": str(self._uuid()), **request}
        if operation == "RotateSecret":
            rules = {"AutomaticallyAfterDays": 30}
            defaults = {"RotationLambdaARN": ROTATION_FUNCTION, "RotationRules": rules}
            request = {**defaults, **request}
        try:
            return answer_secret(self._secrets, operation, request, self._caller.arn)
        finally:
            if operation == "RotateSecret":
                # A refused one may have begun the previous rotation again.
                self.stage.settle()

    def _step_functions(self, operation: str, request: dict[str, Any]) -> Any:
        arn = request.get("executionArn", "")
        if operation == "GetExecutionHistory":  # on one page
            events = list(self._machines.get_execution_history(arn)["events"])
            return {"events": events[::-1] if request.get("reverseOrder") else events}
        if operation == "StartExecution":
            request = {"name": str(self._uuid()), **request, "stateMachineArn": MACHINE}
        found = answer(StepFunctionsAnswers(), self._machines, operation, request)
        if operation == "StartExecution" and self.stage.actor is None:
            self.stage.settle()
        if operation == "DescribeExecution" and "stopDate" in found:
            found["stopDate"] = self._ended.get(arn, START)
        return found

    def _is_stopped(self, actor: str) -> bool:
        found = self._machines.describe_state_machine(MACHINE).executions
        return any(each.exec_arn == actor and each.exec_status != "RUNNING" for each in found)

    @contextmanager
    def _open(self, endpoint: Endpoint, username: str) -> Iterator[NodeConnection]:
        node = self.fleet.nodes.get(endpoint.port)
        if node is None or self.faults.strikes("drop-node", node.position):
            raise EndpointUnreachableError(f"{endpoint} cannot be reached.")
        yield MemoryNodeConnection(endpoint, username, node, self.faults)

    # The interpreter's waits. It has threads for all kinds of things; `env` knows whose they are.

    def _acting(self, env: Any, work: Callable[..., None], *arguments: Any) -> None:
        with self.stage.acting(_execution(env)):
            work(*arguments)


_EVAL_RETRY = retrier_decl.RetrierDecl._eval_body


def _execution(env: Any) -> str:
    return str(env.states.context_object.context_object_data["Execution"]["Id"])


def _definition() -> str:
    """The state machine; one item of a Map at a time, and no jitter: the test sets the order.

    Without TimeoutSeconds, which would be of real time.
    """
    text = re.sub(r"\$\{(\w+)\}", r"\1", DEFINITION.read_text()).replace("Partition", "aws")

    def simpler(shape: dict[str, Any]) -> dict[str, Any]:
        if shape.get("Type") == "Map":
            shape["MaxConcurrency"] = 1
        return {key: shape[key] for key in shape if key not in ("JitterStrategy", "TimeoutSeconds")}

    return json.dumps(json.loads(text, object_hook=simpler))
