"""Step Functions' reads, of executions that a test adds."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

MACHINE = "arn:aws:states:eu-west-1:111122223333:stateMachine:orders"
_BEGIN = datetime(2026, 3, 1, 10, tzinfo=UTC)


class FakeStepFunctions:
    """Records the first and last event ids of each page of a history in `pages`.

    With `step`, an execution has so many more events each time that it is described, and runs
    until it has all of them.
    """

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self.definition = definition
        self.executions: dict[str, dict[str, Any]] = {}
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.pages: list[tuple[int, int]] = []
        self.step = 0
        self._known: dict[str, int] = {}

    def add(self, name: str, events: list[dict[str, Any]], status: str, secret: str = "") -> str:
        arn = f"{MACHINE.replace('stateMachine', 'execution')}:{name}"
        started = _BEGIN + timedelta(hours=len(self.executions))
        self.executions[arn] = {
            "executionArn": arn,
            "stateMachineArn": MACHINE,
            "name": name,
            "input": json.dumps({"SecretId": secret}),
            "status": status,
            "startDate": started,
            "stopDate": started + timedelta(seconds=90),
        }
        self.events[arn] = events
        self._known[arn] = self.step or len(events)
        return arn

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:
        if executionArn not in self.executions:
            answer = {"Code": "ExecutionDoesNotExist", "Message": "Execution Does Not Exist"}
            raise ClientError({"Error": answer}, "DescribeExecution")
        found = self.executions[executionArn]
        if self.step and self._known[executionArn] < len(self.events[executionArn]):
            self._known[executionArn] += self.step
            return {**found, "status": "RUNNING"}
        return found

    def describe_state_machine_for_execution(self, *, executionArn: str) -> dict[str, Any]:
        self.describe_execution(executionArn=executionArn)
        return {"definition": json.dumps(self.definition)}

    def get_execution_history(
        self, *, executionArn: str, reverseOrder: bool, maxResults: int, nextToken: str = "0"
    ) -> dict[str, Any]:
        events = self.events[executionArn][: self._known[executionArn]]
        if reverseOrder:
            events = events[::-1]
        end = int(nextToken) + maxResults
        page = events[int(nextToken) : end]
        self.pages.append((page[0]["id"], page[-1]["id"]))
        return {"events": page} | ({"nextToken": str(end)} if end < len(events) else {})

    def list_executions(
        self, *, stateMachineArn: str, maxResults: int, statusFilter: str = ""
    ) -> dict[str, Any]:
        assert stateMachineArn == MACHINE
        found = [e for e in self.executions.values() if statusFilter in ("", e["status"])]
        return {"executions": found[::-1][:maxResults]}
