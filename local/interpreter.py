"""Step Functions: moto's interpreter, made to agree with AWS where it does not.

https://docs.aws.amazon.com/step-functions/latest/apireference/ is the source of what is said about
AWS's behavior.
"""

import datetime
import functools
import os
import threading
import time
import types
import uuid
from collections.abc import Callable
from typing import Any

from moto.core.base_backend import BackendDict
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.stepfunctions.parser import models as parser_models
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import (
    CustomErrorName,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import (
    StatesErrorName,
)
from moto.stepfunctions.parser.asl.component.common.path import result_path
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.fail import state_fail
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils import json_path
from moto.stepfunctions.parser.backend import execution as parser_execution
from moto.stepfunctions.responses import StepFunctionResponse

Shape = dict[str, Any]

_START_SECONDS = 1.0
_ENDS = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted")
# Parsing a definition takes longer than a rotation without its waits. What is parsed is never
# written to: what an execution knows is in its environment.
_PARSERS = [
    (parser, functools.cache(parser.parse))
    for parser in (AmazonStateLanguageParser, json_path, result_path)
]
# `install` may be called again, and wraps the interpreter's own.
_BEGIN = CommonStateField._eval_state_input
_MOST_EVENTS = 1000  # GetExecutionHistory: maxResults is at most 1,000 and by default 100.


class LocalExecution(parser_execution.Execution):
    """An execution that a stop ends at once, whatever the interpreter's thread still does."""

    #: Called at each end, with DescribeExecution's answer.
    ended: Callable[[Shape], None]

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.exec_status: ExecutionStatus | None = None
        self._ending = threading.Lock()
        self._aborted_history: list[Shape] = []

    def stop(self, stop_date: datetime.datetime, error: str | None, cause: str | None) -> None:
        """Ends the execution now: ABORTED, whatever its task still does."""
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_interpreted() and time.monotonic() < deadline:
            time.sleep(0.001)
        with self._ending:
            if self.exec_status != ExecutionStatus.RUNNING:
                return
            self.exec_status = ExecutionStatus.ABORTED
            self.stop_date, self.error, self.cause = stop_date, error, cause
            events = super().to_history_output()["events"]
            aborted = {
                "id": len(events) + 1,
                "previousEventId": 0,
                "type": "ExecutionAborted",
                "timestamp": stop_date,
                "executionAbortedEventDetails": _present({"error": error, "cause": cause}),
            }
            self._aborted_history = [*events, aborted]
        super().stop(stop_date, error, cause)
        type(self).ended(self.to_describe_output())

    def to_history_output(self) -> Any:
        """The events so far; none is added after an end, whatever a Map's items still report."""
        events = self._aborted_history or super().to_history_output()["events"]
        ends = (number for number, event in enumerate(events, 1) if event["type"] in _ENDS)
        return {"events": events[: next(ends, None)]}

    def reflect_end(self, reflect: Callable[[], None]) -> None:
        """Takes over how the interpreter ended, unless a stop came first."""
        with self._ending:
            if self.exec_status != ExecutionStatus.RUNNING:
                return
            reflect()
        type(self).ended(self.to_describe_output())

    def _get_start_execution_worker_comm(self) -> Any:
        return _Ending(self)

    def _is_interpreted(self) -> bool:
        env = self.exec_worker.env
        return env is not None and env.program_state() is not None


class _Ending(parser_execution.BaseExecutionWorkerCommunication):
    def terminated(self) -> None:
        """Called by the interpreter's thread at its end."""
        self.execution.reflect_end(self._reflect_execution_status)


class LocalStepFunctions(parser_models.StepFunctionsParserBackend):
    """moto's backend, with names for unnamed executions."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._starting = threading.Lock()

    def start_execution(
        self,
        state_machine_arn: str,
        name: str | None = None,
        execution_input: str | None = None,
        trace_header: str | None = None,
    ) -> Any:
        """StartExecution; raises ExecutionAlreadyExists for a name that is taken."""
        if name is not None:
            self._validate_name(name)
        with self._starting:  # two calls with one name must not both find it free
            return super().start_execution(
                state_machine_arn, name or str(uuid.uuid4()), execution_input, trace_header
            )


class LocalStepFunctionsResponse(StepFunctionResponse):
    """moto's requests and answers, on the backend above."""

    @property
    def stepfunction_backend(self) -> Any:
        return backends[self.current_account][self.region]

    def stop_execution(self) -> ActionResult:
        execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
        now = datetime.datetime.now(datetime.UTC)
        execution.stop(now, self._get_param("error"), self._get_param("cause"))
        return ActionResult({"stopDate": execution.stop_date})

    def describe_execution(self) -> ActionResult:
        """With error, cause and stop date of every kind of end."""
        execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
        return ActionResult(_present(execution.to_describe_output()))

    def describe_state_machine_for_execution(self) -> ActionResult:
        """The state machine as it was when the execution started, whatever it is now."""
        execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
        machine = execution.state_machine
        same = ("name", "definition", "roleArn", "loggingConfiguration", "tracingConfiguration")
        shape = {name: getattr(machine, name) for name in same}
        shape |= {"stateMachineArn": machine.arn, "updateDate": machine.update_date}
        return ActionResult(_present(shape))

    def get_execution_history(self) -> ActionResult:
        """One page of events, the newest first when reverseOrder says so.

        The token is how many events are older than the next page, or than its end if it is in
        reverse order: events may be added between two pages.
        """
        arn, token = self._get_param("executionArn"), self._get_param("nextToken") or ""
        if token and not token.isdigit():
            raise JsonRESTError("InvalidToken", f"Invalid Token: '{token}'")
        events = list(self.stepfunction_backend.get_execution_history(arn)["events"])
        size = min(int(self._get_param("maxResults") or 100), _MOST_EVENTS)
        if self._get_param("reverseOrder"):
            events = events[: int(token or len(events))][::-1]
            older = len(events) - size
        else:
            events = events[int(token or 0) :]
            older = int(token or 0) + size
        answer: Shape = {"events": events[:size]}
        return ActionResult(answer | ({"nextToken": str(older)} if len(events) > size else {}))


def install(
    lambda_client: Callable[[str], Any],
    stops: Callable[[str], bool],
    ended: Callable[[Shape], None],
) -> None:
    """Makes moto's interpreter use the executions above, and for Lambda tasks the client of a role.

    `stops` is asked about every state by its name when it has been entered: whether the execution
    is to be stopped there. `ended` is called at each end, with DescribeExecution's answer.
    Environment: LOCAL_LONGEST_RETRY_SECONDS shortens the waits before retries, which are as on AWS
    without it.
    """
    if longest := os.environ.get("LOCAL_LONGEST_RETRY_SECONDS"):
        retrier_decl.time = types.SimpleNamespace(
            sleep=lambda seconds: time.sleep(min(seconds, float(longest)))
        )
    for parser, parse in _PARSERS:
        parser.parse = parse
    # What retries are counted by is made at its first use: twice, by two items of a Map at once
    # (https://github.com/orgs/localstack/discussions/56).
    EvalComponent.heap_key = property(lambda component: str(id(component)))
    LocalExecution.ended = staticmethod(ended)
    parser_models.Execution = LocalExecution
    lambda_eval_utils.boto_client_for = lambda **known: lambda_client(
        known["state_credentials"].role_arn
    )

    def begin_unless_stopped(state: Any, env: Any) -> None:
        if stops(state.name):
            arn = str(env.states.context_object.context_object_data["Execution"]["Id"])
            _, _, _, region, account, *_ = arn.split(":")
            execution = backends[account][region].describe_execution(arn)
            execution.stop(datetime.datetime.now(datetime.UTC), "Stopped", f"At {state.name}.")
            # Ends this thread quietly: not even the state's own task is to begin.
            raise SystemExit
        _BEGIN(state, env)

    CommonStateField._eval_state_input = begin_unless_stopped
    state_fail.CustomErrorName = error_name


def error_name(name: str) -> Any:
    """An error's name, also that of a task that timed out.

    By itself the interpreter takes no `States.Timeout` as that of a Fail state or of a mock.
    """
    return (StatesErrorName.from_name if name.startswith("States.") else CustomErrorName)(name)


def _present(shape: Any) -> Shape:
    return {key: value for key, value in shape.items() if value is not None}


backends = BackendDict(LocalStepFunctions, "stepfunctions")
