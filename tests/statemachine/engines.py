"""Interpreters of state machines whose tasks are mocked, each in a process of its own.

``python -m tests.statemachine.engines embedded|ministack [--port N]`` prints its address, and lives
until its stdin ends or Ctrl-C. As Step Functions Local, each reads SFN_MOCK_CONFIG, and starts the
case NAME of it by StartExecution of ``<state machine ARN>#NAME``; waits take WAIT_TIME_SCALE of
their time.

Both are made to count as Step Functions Local 2.0.0 does: one count for each state of an execution,
which each invocation advances, be it a retry, a round of a loop or an item of a Map
(https://github.com/floci-io/floci/issues/3254).
"""

import argparse
import json
import os
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from subprocess import PIPE, Popen
from types import SimpleNamespace
from typing import Any

HERE = Path(__file__).parent
MOCK_CONFIG = HERE / "MockConfigFile.json"
ROOT = HERE.parents[1]
#: What a machine's longest wait, a minute, becomes.
SCALE = 0.0005


@contextmanager
def started(name: str, mock_config: Path = MOCK_CONFIG) -> Iterator[str]:
    """The address of an engine that runs meanwhile; raises RuntimeError if it does not start."""
    environment = {"SFN_MOCK_CONFIG": str(mock_config), "WAIT_TIME_SCALE": str(SCALE)}
    command = [sys.executable, "-m", "tests.statemachine.engines", name]
    with Popen(
        command, stdin=PIPE, stdout=PIPE, cwd=ROOT, env=os.environ | environment, text=True
    ) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        if not url:
            raise RuntimeError(f"{name} did not start.")
        yield url


def _serve_embedded(gateway: socket.socket, config: Any, scale: float) -> None:
    from moto.core.base_backend import BackendDict
    from moto.core.exceptions import JsonRESTError
    from moto.core.request import Request
    from moto.stepfunctions.parser.asl.component import eval_component
    from moto.stepfunctions.parser.asl.component.common.error_name import (
        custom_error_name,
        states_error_name,
    )
    from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
    from moto.stepfunctions.parser.asl.component.state.exec.state_task import mock_eval_utils
    from moto.stepfunctions.parser.asl.component.state.wait.wait_function import wait_function
    from moto.stepfunctions.parser.asl.eval.environment import Environment
    from moto.stepfunctions.parser.backend import execution, execution_worker
    from moto.stepfunctions.parser.mocking import mock_config
    from werkzeug.serving import WSGIRequestHandler, make_server
    from werkzeug.wrappers import Response

    from local import interpreter

    started_case: ContextVar[Any] = ContextVar("started_case", default=None)

    class Case(mock_config.MockTestCase):  # type: ignore[misc]
        def __init__(self, machine: str, name: str) -> None:
            states = config["StateMachines"][machine]["TestCases"][name]
            super().__init__(machine, name, [self._answers(*each) for each in states.items()])
            self._counts: Counter[str] = Counter()
            self._counting = threading.Lock()

        def _answers(self, state: str, response: str) -> Any:
            found = []
            for numbers, answer in config["MockedResponses"][response].items():
                first, _, last = numbers.partition("-")
                where = (int(first), int(last or first))
                if "Throw" in answer:
                    throw = answer["Throw"]
                    found.append(
                        mock_config.MockedResponseThrow(*where, throw["Error"], throw["Cause"])
                    )
                else:
                    found.append(mock_config.MockedResponseReturn(*where, answer["Return"]))
            return mock_config.StateMockedResponses(state, response, found)

        def next_answer(self, state: str) -> Any:
            with self._counting:
                number = self._counts[state]
                self._counts[state] += 1
            return self.state_mocked_responses[state].mocked_responses[number]

    class Worker(execution_worker.ExecutionWorker):  # type: ignore[misc]
        def __init__(self, **known: Any) -> None:
            super().__init__(**known, mock_test_case=started_case.get())

    class StepFunctions(interpreter.LocalStepFunctions):
        def start_execution(self, state_machine_arn: str, *others: Any) -> Any:
            arn, _, name = state_machine_arn.partition("#")
            try:
                started_case.set(Case(arn.rpartition(":")[2], name))
            except KeyError as error:
                raise JsonRESTError("ValidationException", f"No such mock: {error}") from None
            return super().start_execution(arn, *others)

    def wait(_: Any, env: Any, wait_seconds: float) -> None:
        time.sleep(wait_seconds * scale)

    def error_name(name: str) -> Any:
        if name.startswith("States."):
            return states_error_name.StatesErrorName.from_name(name)
        return custom_error_name.CustomErrorName(name)

    def no_lambda(role_arn: str) -> Any:
        raise LookupError("Lambda is not mocked in this state.")

    interpreter.install(no_lambda, lambda state: False, lambda execution: None)
    interpreter.backends = BackendDict(StepFunctions, "stepfunctions")
    execution.ExecutionWorker = Worker
    Environment.get_current_mocked_response = lambda env: env.mock_test_case.next_answer(
        env.next_state_name
    )
    mock_eval_utils.CustomErrorName = error_name
    # Of each error it would log the whole state, which takes longer than to run it.
    eval_component.EvalComponent._log_failure_event_exception = lambda *_, **__: None
    wait_function.WaitFunction._wait_interval = wait
    retrier_decl.time = SimpleNamespace(sleep=lambda seconds: time.sleep(seconds * scale))

    class ServedRequest(Request):  # type: ignore[misc]
        from_wsgi_server = True

    def application(environ: Any, start_response: Callable[..., Any]) -> Any:
        request = ServedRequest(environ)
        status, headers, body = interpreter.LocalStepFunctionsResponse.dispatch(
            request, request.url, request.headers
        )
        headers.pop("status", None)
        return Response(body, status, headers)(environ, start_response)

    class QuietHandler(WSGIRequestHandler):  # type: ignore[misc]
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    make_server(
        "127.0.0.1",
        0,
        application,
        threaded=True,
        request_handler=QuietHandler,
        fd=gateway.fileno(),
    ).serve_forever()


def _serve_ministack(gateway: socket.socket, config: Any, scale: float) -> None:
    from local import server

    scratch = tempfile.gettempdir()
    os.environ |= server._MINISTACK_SETTINGS | {
        "AUTH": "false",
        "LOG_LEVEL": "WARNING",
        "GATEWAY_PORT": str(gateway.getsockname()[1]),
        "STATE_DIR": scratch,
        "S3_DATA_DIR": scratch,
        "SFN_WAIT_SCALE": str(scale),
    }
    from ministack.services import stepfunctions as engine

    # By itself it looks a mocked error up once for all retries of a state: none can recover.
    find_answer, execute_task = engine._get_mock_response, engine._execute_task
    task: ContextVar[tuple[Any, str, str]] = ContextVar("task")
    counting = threading.Lock()

    def execute(state: Any, given: Any, execution: Any, context: Any) -> Any:
        task.set((execution, context["StateMachine"]["Name"], context["State"]["Name"]))
        return execute_task(state, given, execution, context)

    def invoke(resource: str, given: Any, seconds: float) -> Any:
        execution, machine, state = task.get()
        with counting:
            number = execution["mockAttempts"].get(state, 0)
            execution["mockAttempts"][state] = number + 1
        answer = find_answer(machine, execution["testCase"], state, number)
        if answer is None:
            raise engine._ExecutionError("States.Runtime", f"{state} has no mock {number}.")
        if "Throw" in answer:
            raise engine._ExecutionError(answer["Throw"]["Error"], answer["Throw"]["Cause"])
        return answer["Return"]

    engine._execute_task = execute
    engine._invoke_resource_with_timeout = invoke
    engine._get_mock_response = lambda *_: None
    server._serve_ministack(gateway)


_ENGINES = {"embedded": _serve_embedded, "ministack": _serve_ministack}
NAMES = tuple(_ENGINES)


def main() -> None:
    """Serves until stdin ends."""
    from local.server import _bind

    parser = argparse.ArgumentParser(prog="python -m tests.statemachine.engines")
    parser.add_argument("engine", choices=_ENGINES)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    mocks = os.environ.setdefault("SFN_MOCK_CONFIG", str(MOCK_CONFIG))
    try:
        config = json.loads(Path(mocks).read_text())
        scale = float(os.environ.get("WAIT_TIME_SCALE", SCALE))
        gateway = _bind(options.port)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    gateway.listen(128)
    with tempfile.TemporaryDirectory() as tempfile.tempdir:
        served = (gateway, config, scale)
        threading.Thread(target=_ENGINES[options.engine], args=served, daemon=True).start()
        print(f"http://127.0.0.1:{gateway.getsockname()[1]}", flush=True)
        with suppress(KeyboardInterrupt):
            while os.read(0, 1024):
                pass
    os._exit(0)  # Executions have threads of their own.


if __name__ == "__main__":
    main()
