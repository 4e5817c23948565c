"""ministack's own interpreter, whose mocks are asked for each invocation."""

import os
import socket
import tempfile
import threading
from contextvars import ContextVar
from typing import Any

from local import server


def serve(gateway: socket.socket, config: Any, scale: float) -> None:
    """Answers on the socket, for good; it reads SFN_MOCK_CONFIG itself."""
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
