"""moto's interpreter, as the local AWS uses it, with the mocks that it carries switched on."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any

from moto.core.base_backend import BackendDict
from moto.core.exceptions import JsonRESTError
from moto.core.request import Request
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.state.exec.state_task import mock_eval_utils
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import (
    WaitFunction,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.backend import execution as parser_execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.mocking.mock_config import (
    MockedResponseReturn,
    MockedResponseThrow,
    MockTestCase,
    StateMockedResponses,
)
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Response

from local import interpreter

Config = dict[str, Any]


class Case(MockTestCase):  # type: ignore[misc]
    """The answers of one test case; raises KeyError if there is none of the name."""

    def __init__(self, config: Config, machine: str, name: str) -> None:
        states = config["StateMachines"][machine]["TestCases"][name]
        answers = config["MockedResponses"]
        super().__init__(
            machine,
            name,
            [
                StateMockedResponses(
                    state, chosen, [_answer(*each) for each in answers[chosen].items()]
                )
                for state, chosen in states.items()
            ],
        )
        self._counts: Counter[str] = Counter()
        self._counting = threading.Lock()

    def next_answer(self, state: str) -> Any:
        """What the state's next invocation gets; by itself the interpreter counts its retries."""
        with self._counting:
            number = self._counts[state]
            self._counts[state] += 1
        return self.state_mocked_responses[state].mocked_responses[number]


def _answer(numbers: str, answer: Config) -> Any:
    first, _, last = numbers.partition("-")
    where = (int(first), int(last or first))
    if "Return" in answer:
        return MockedResponseReturn(*where, answer["Return"])
    return MockedResponseThrow(*where, answer["Throw"]["Error"], answer["Throw"]["Cause"])


_started: ContextVar[Case | None] = ContextVar("_started", default=None)


class MockedWorker(ExecutionWorker):  # type: ignore[misc]
    """An execution of the case that is being started."""

    def __init__(self, **known: Any) -> None:
        super().__init__(**known, mock_test_case=_started.get())


class MockedStepFunctions(interpreter.LocalStepFunctions):
    """StartExecution of ``<state machine ARN>#<case>``."""

    config: Config

    def start_execution(self, state_machine_arn: str, *others: Any) -> Any:
        """Raises ValidationException if there is no such case."""
        arn, _, name = state_machine_arn.partition("#")
        try:
            _started.set(Case(self.config, arn.rpartition(":")[2], name))
        except KeyError as error:
            raise JsonRESTError("ValidationException", f"No such mock: {error}") from None
        return super().start_execution(arn, *others)


class ServedRequest(Request):  # type: ignore[misc]
    from_wsgi_server = True


class QuietHandler(WSGIRequestHandler):  # type: ignore[misc]
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


def serve(gateway: socket.socket, config: Config, scale: float) -> None:
    """Answers on the socket, for good."""

    def wait(_: Any, env: Any, wait_seconds: float) -> None:
        time.sleep(wait_seconds * scale)

    interpreter.install(_no_lambda, lambda state: False, lambda execution: None)
    MockedStepFunctions.config = config
    interpreter.backends = BackendDict(MockedStepFunctions, "stepfunctions")
    parser_execution.ExecutionWorker = MockedWorker
    Environment.get_current_mocked_response = lambda env: env.mock_test_case.next_answer(
        env.next_state_name
    )
    mock_eval_utils.CustomErrorName = interpreter.error_name
    # Of each error it would log the whole state, which takes longer than to run it.
    EvalComponent._log_failure_event_exception = lambda *_, **__: None
    WaitFunction._wait_interval = wait
    retrier_decl.time = SimpleNamespace(sleep=lambda seconds: time.sleep(seconds * scale))
    make_server(
        "127.0.0.1",
        0,
        _application,
        threaded=True,
        request_handler=QuietHandler,
        fd=gateway.fileno(),
    ).serve_forever()


def _no_lambda(role_arn: str) -> Any:
    raise LookupError("No task may be without a mock.")


def _application(environ: Any, start_response: Callable[..., Any]) -> Any:
    request = ServedRequest(environ)
    status, headers, body = interpreter.LocalStepFunctionsResponse.dispatch(
        request, request.url, request.headers
    )
    headers.pop("status", None)
    return Response(body, status, headers)(environ, start_response)
