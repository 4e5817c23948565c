"""Step Functions: starts and describes executions of one state machine."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3

from rotation.adapters.aws import CLIENT_CONFIG, translated
from rotation.errors import ConfigurationError, RotationError
from rotation.records.execution_name import name_in

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

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

    @property
    def name(self) -> str:
        """The execution's name."""
        return name_in(self.arn)


class StepFunctions:
    """Starts and follows executions of one state machine."""

    def __init__(self, client: "SFNClient", state_machine_arn: str = "") -> None:
        self._client = client
        self._state_machine_arn = state_machine_arn

    @classmethod
    @cache
    def connect(cls) -> "StepFunctions":
        """The function's own client."""
        return cls(
            boto3.client("stepfunctions", config=CLIENT_CONFIG),
            os.environ.get("STATE_MACHINE_ARN", ""),
        )

    def start(self, name: str, execution_input: dict[str, Any]) -> Execution | None:
        """Start an execution, or find the running one of that name and input.

        Returns:
            None if the name is taken: by an execution that has ended, or has another input.
        """
        if not self._state_machine_arn:
            raise ConfigurationError("Environment variable STATE_MACHINE_ARN is missing.")
        with translated("StartExecution", name, _CODES):
            try:
                self._client.start_execution(
                    stateMachineArn=self._state_machine_arn,
                    name=name,
                    input=json.dumps(execution_input),
                )
            except self._client.exceptions.ExecutionAlreadyExists:
                return None
        return Execution(self._arn(name), "RUNNING")

    def find(self, name: str) -> Execution | None:
        """The execution of that name, or None."""
        arn = self._arn(name)
        with translated("DescribeExecution", name, _CODES):
            try:
                execution = self._client.describe_execution(executionArn=arn)
            except self._client.exceptions.ExecutionDoesNotExist:
                return None
            return Execution(
                arn,
                execution["status"],
                execution.get("error", ""),
                execution.get("cause", ""),
                execution.get("stopDate"),
            )

    def running(self) -> dict[str, datetime]:
        """The start times of the executions that have not ended, by ARN."""
        with translated("ListExecutions", self._state_machine_arn, _CODES):
            # As few calls as possible: the whole account has 2 a second in most regions.
            pages = self._client.get_paginator("list_executions").paginate(
                stateMachineArn=self._state_machine_arn,
                statusFilter="RUNNING",
                PaginationConfig={"PageSize": 1000},
            )
            return {
                execution["executionArn"]: execution["startDate"]
                for page in pages
                for execution in page["executions"]
            }

    def history(
        self, execution_arn: str, *, newest_first: bool = False, with_data: bool = False
    ) -> Iterator[Mapping[str, Any]]:
        """The events of an execution; inputs and outputs only ``with_data``."""
        with translated("GetExecutionHistory", execution_arn, _CODES):
            pages = self._client.get_paginator("get_execution_history").paginate(
                executionArn=execution_arn,
                includeExecutionData=with_data,
                reverseOrder=newest_first,
                # The data of one event may have 256 KB, and what is sought is near the end.
                PaginationConfig={"PageSize": 20 if with_data else 1000},
            )
            for page in pages:
                yield from page["events"]

    def _arn(self, name: str) -> str:
        return f"{self._state_machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
