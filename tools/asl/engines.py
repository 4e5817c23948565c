"""Interpreters of state machines whose tasks are mocked, in this process and without waits.

Each is a boto3 client: StartExecution of ``<state machine ARN>#<case>`` runs that case of
MockConfigFile.json. Both count answers as Step Functions Local 2.0.0 does: one count for each state
of an execution, which each invocation advances, be it a retry, a round of a loop or an item of a
Map (https://github.com/floci-io/floci/issues/3254).
"""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from moto.core.base_backend import BackendDict
from moto.core.botocore_stubber import MockRawResponse
from moto.core.exceptions import JsonRESTError
from moto.core.request import normalize_request
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.state.exec.state_task import mock_eval_utils
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import (
    WaitFunction,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.backend import execution as parser_execution
from moto.stepfunctions.parser.backend.execution_worker import SyncExecutionWorker
from moto.stepfunctions.parser.mocking.mock_config import MockedResponseReturn, MockedResponseThrow

from local import interpreter
from tools.asl.answers import MACHINE, MOCK_CONFIG

Json = dict[str, Any]
#: Status, headers and body.
Answer = tuple[int, Any, Any]


@cache
def _config() -> Json:
    found: Json = json.loads(MOCK_CONFIG.read_text())
    return found


class Mocks:
    """The answers of one case, for one execution; raises KeyError if there is no such case."""

    def __init__(self, case: str) -> None:
        config = _config()
        states = config["StateMachines"][MACHINE]["TestCases"][case]
        self._answers = {
            state: [*_numbered(config["MockedResponses"][name])] for state, name in states.items()
        }
        self._counts: Counter[str] = Counter()
        self._counting = threading.Lock()

    def next_answer(self, state: str) -> Json:
        """What the state's next invocation gets: ``{"Return": ...}`` or ``{"Throw": ...}``."""
        with self._counting:
            number = self._counts[state]
            self._counts[state] += 1
        return self._answers[state][number]


def _numbered(answers: Json) -> Iterator[Json]:
    for numbers, answer in answers.items():
        first, _, last = numbers.partition("-")
        yield from [answer] * (int(last or first) - int(first) + 1)


def client(url: str | None = None) -> Any:
    """A client of Step Functions, which waits for an engine that is starting."""
    return boto3.client(
        "stepfunctions",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(read_timeout=300, retries={"mode": "standard", "total_max_attempts": 8}),
    )


def _client_of(engine: Callable[[Any], Answer]) -> Any:
    """A client whose requests an engine answers; there is no socket."""

    def send(request: Any, **_: Any) -> AWSResponse:
        status, headers, body = engine(request)
        return AWSResponse(request.url, status, headers, MockRawResponse(body))

    found = client()
    found.meta.events.register("before-send", send)
    return found


def _mocked_response(env: Any) -> Any:
    found = env.mock_test_case.next_answer(env.next_state_name)
    if "Return" in found:
        return MockedResponseReturn(0, 0, found["Return"])
    return MockedResponseThrow(0, 0, found["Throw"]["Error"], found["Throw"]["Cause"])


def _moto(request: Any) -> Answer:
    request = normalize_request(request)
    found: Answer = interpreter.LocalStepFunctionsResponse.dispatch(
        request, request.raw_url, request.headers
    )
    return found


@contextmanager
def embedded() -> Iterator[Any]:
    """moto's interpreter, as the local AWS uses it; StartExecution answers when all is done."""
    started: ContextVar[Mocks] = ContextVar("started")

    class MockedWorker(SyncExecutionWorker):  # type: ignore[misc]
        def __init__(self, **known: Any) -> None:
            super().__init__(**known, mock_test_case=started.get())

    class MockedStepFunctions(interpreter.LocalStepFunctions):
        def start_execution(self, state_machine_arn: str, *others: Any) -> Any:
            arn, _, case = state_machine_arn.partition("#")
            try:
                started.set(Mocks(case))
            except KeyError as error:
                raise JsonRESTError("ValidationException", f"No such case: {error}") from None
            return super().start_execution(arn, *others)

    with pytest.MonkeyPatch.context() as patch:
        interpreter.install(lambda _: None, lambda _: False, lambda _: None)
        patch.setattr(interpreter, "backends", BackendDict(MockedStepFunctions, "stepfunctions"))
        patch.setattr(parser_execution, "ExecutionWorker", MockedWorker)
        patch.setattr(Environment, "is_mocked_mode", lambda _: True)
        patch.setattr(Environment, "get_current_mocked_response", _mocked_response)
        patch.setattr(mock_eval_utils, "CustomErrorName", interpreter.error_name)
        # Of each error it would log the whole state, which takes longer than to run it.
        patch.setattr(EvalComponent, "_log_failure_event_exception", lambda *_, **__: None)
        patch.setattr(WaitFunction, "_wait_interval", lambda *_, **__: None)
        patch.setattr(retrier_decl, "time", SimpleNamespace(sleep=lambda _: None))
        yield _client_of(_moto)


@contextmanager
def ministack() -> Iterator[Any]:
    """ministack's own interpreter; an execution goes on in a thread."""
    from ministack.core import iam_evaluator
    from ministack.services import stepfunctions as engine

    # Its own mocks are looked up once for all retries of a state: none can recover.
    execute_task = engine._execute_task
    task: ContextVar[tuple[Mocks, str]] = ContextVar("task")
    mocks: dict[str, Mocks] = {}

    def execute(state: Any, state_input: Any, execution: Any, context: Any) -> Any:
        case = mocks.setdefault(execution["executionArn"], Mocks(execution["testCase"]))
        task.set((case, context["State"]["Name"]))
        return execute_task(state, state_input, execution, context)

    def invoke(*_: Any) -> Any:
        case, state = task.get()
        found = case.next_answer(state)
        if "Throw" in found:
            raise engine._ExecutionError(found["Throw"]["Error"], found["Throw"]["Cause"])
        return found["Return"]

    def answer(request: Any) -> Answer:
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}
        work = engine.handle_request(request.method, "/", headers, _text(request.body), {})
        found: Answer = asyncio.run(work)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_execute_task", execute)
        patch.setattr(engine, "_invoke_resource_with_timeout", invoke)
        patch.setattr(engine, "_SFN_WAIT_SCALE", 0)
        # Each would load the rest of ministack, which sets up logging.
        patch.setattr(engine, "_emit_execution_status_event", lambda _: None)
        patch.setattr(iam_evaluator, "validate_role_arn", lambda _: None)
        yield _client_of(answer)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
