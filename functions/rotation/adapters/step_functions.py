"""Step Functions, as far as the rotation Lambda and the report need it."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

import boto3

from rotation.adapters.aws import CLIENT_CONFIG, translated
from rotation.errors import ConfigurationError, RotationError

#: What comes after a failure, on its way to the end.
FAILURE_STATES = (
    "Wait For Promotion",
    "Verify Current Password",
    "Log In With Current",
    "Current Password Not Verified",
    "Close Rotation",
    "Rotation Not Closed",
    "Promoted After All?",
    "Rotation Failed",
)

FIND_AGAIN = "Find Endpoints Again"

#: As a task meets it where the account, or the function, has no concurrency left.
THROTTLED_BY_LAMBDA = "Lambda.TooManyRequestsException"

_CODES: dict[str, type[RotationError]] = dict.fromkeys(
    (
        "StateMachineDoesNotExist",
        "StateMachineDeleting",
        "StateMachineTypeNotSupported",
        "InvalidArn",
    ),
    ConfigurationError,
)


@dataclass(frozen=True)
class Execution:
    """``status`` is RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED."""

    arn: str
    status: str
    error: str = ""
    cause: str = ""
    stopped_at: datetime | None = None


@dataclass(frozen=True)
class Ending:
    """What the history of a run that did not succeed tells of what is left.

    ``codes`` are those of `rotation.rules.closing`, or empty where Close Rotation told none; then
    ``user_reached`` is whether Modify User was entered. ``user_id`` is empty where Check Target has
    not found the user.
    """

    codes: Mapping[str, Any] = field(default_factory=dict)
    user_reached: bool = False
    user_id: str = ""


class StepFunctions:
    """Starts and follows executions of one state machine."""

    def __init__(self, client: Any, state_machine_arn: str = "") -> None:
        self._client = client
        self._machine = state_machine_arn

    @classmethod
    @cache
    def connect(cls) -> "StepFunctions":
        """The function's own client."""
        return cls(
            boto3.client("stepfunctions", config=CLIENT_CONFIG),
            os.environ.get("STATE_MACHINE_ARN", ""),
        )

    def start(self, name: str, execution_input: dict[str, Any]) -> Execution | None:
        """Start an execution, or find the one of that name and input that runs already.

        Returns:
            None if the name is taken: by an execution that has ended, or has another input.
        """
        if not self._machine:
            raise ConfigurationError("Environment variable STATE_MACHINE_ARN is missing.")
        with translated("StartExecution", name, _CODES):
            try:
                self._client.start_execution(
                    stateMachineArn=self._machine, name=name, input=json.dumps(execution_input)
                )
            except self._client.exceptions.ExecutionAlreadyExists:
                return None
        return Execution(self._arn(name), "RUNNING")

    def find(self, name: str) -> Execution | None:
        """The execution of that name, or None."""
        arn = self._arn(name)
        with translated("DescribeExecution", name, _CODES):
            try:
                found = self._client.describe_execution(executionArn=arn)
            except self._client.exceptions.ExecutionDoesNotExist:
                return None
            return Execution(
                arn,
                found["status"],
                found.get("error", ""),
                found.get("cause", ""),
                found.get("stopDate"),
            )

    def running(self) -> dict[str, datetime]:
        """The machine's executions that have not ended: since when each runs, by its ARN."""
        with translated("ListExecutions", self._machine, _CODES):
            # As few calls as can be: the whole account has 2 a second in most regions.
            pages = self._client.get_paginator("list_executions").paginate(
                stateMachineArn=self._machine,
                statusFilter="RUNNING",
                PaginationConfig={"PageSize": 1000},
            )
            return {
                found["executionArn"]: found["startDate"]
                for page in pages
                for found in page["executions"]
            }

    def failed_state(self, execution_arn: str) -> str | None:
        """The state that an ended execution was in when it failed, by its history.

        Where Log In has led back to Find Endpoints Again, that found no others: Log In has failed.
        """
        last = None
        for event in self._events(execution_arn, newest_first=True):
            entered = event.get("stateEnteredEventDetails", {}).get("name")
            if not entered or entered in FAILURE_STATES:
                continue
            if entered == FIND_AGAIN:
                last = entered
                continue
            return FIND_AGAIN if last and entered != "Log In" else str(entered)
        return last

    def ending(self, execution_arn: str) -> Ending:
        """What an execution that did not succeed has left, by its history."""
        for event in self._events(execution_arn, newest_first=True, data=True):
            left = event.get("stateExitedEventDetails", {})
            if left.get("name") == "Close Rotation":
                state = json.loads(left["output"])
                # Left by its Catch, it has told nothing.
                if codes := state.get("Closing"):
                    return Ending(codes, user_id=_user_id(state))
            entered = event.get("stateEnteredEventDetails", {})
            if entered.get("name") == "Modify User":
                return Ending(user_reached=True, user_id=_user_id(json.loads(entered["input"])))
        return Ending()

    def waits_for_lambda(self, execution_arn: str) -> bool:
        """Whether the newest task was refused for want of concurrency, and is to be tried again."""
        for event in self._events(execution_arn, newest_first=True):
            if event["type"] == "TaskSucceeded":
                return False
            if error := event.get("taskFailedEventDetails", {}).get("error"):
                return bool(error == THROTTLED_BY_LAMBDA)
        return False

    def transitions(self, execution_arn: str) -> int:
        """State transitions so far, as they are billed: states entered, and retries."""
        types = [event["type"] for event in self._events(execution_arn)]
        entered = sum(each.endswith("StateEntered") for each in types)
        retried = types.count("TaskScheduled") - types.count("TaskStateEntered")
        return int(entered + retried)

    def _events(
        self, arn: str, *, newest_first: bool = False, data: bool = False
    ) -> Iterator[dict[str, Any]]:
        with translated("GetExecutionHistory", arn, _CODES):
            pages = self._client.get_paginator("get_execution_history").paginate(
                executionArn=arn,
                includeExecutionData=data,
                reverseOrder=newest_first,
                # An event's data may be 256 KB, and what is sought is near the end.
                PaginationConfig={"PageSize": 20 if data else 1000},
            )
            for page in pages:
                yield from page["events"]

    def _arn(self, name: str) -> str:
        return f"{self._machine.replace(':stateMachine:', ':execution:')}:{name}"


def _user_id(state: Mapping[str, Any]) -> str:
    return str(state.get("Target", {}).get("UserId", ""))
