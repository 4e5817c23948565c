"""Step Functions' reads, of executions that a test has put there."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

MACHINE = "arn:aws:states:eu-west-1:111122223333:stateMachine:orders"
_BEGIN = datetime(2026, 3, 1, 10, tzinfo=UTC)


class FakeStepFunctions:
    """Its `calls` are those it was asked, with the pages' first and last event ids.

    A running execution has `step` more events each time that it is described, and ends with them.
    """

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self.definition = definition
        self.executions: dict[str, dict[str, Any]] = {}
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.calls: list[tuple[Any, ...]] = []
        self.step = 0
        self._known: dict[str, int] = {}

    def put(self, name: str, events: list[dict[str, Any]], status: str, given: str = "{}") -> str:
        arn = f"{MACHINE.replace('stateMachine', 'execution')}:{name}"
        started = _BEGIN + timedelta(hours=len(self.executions))
        stopped = started + timedelta(seconds=90)
        known = {"executionArn": arn, "stateMachineArn": MACHINE, "name": name, "input": given}
        self.executions[arn] = {**known, "status": status, "startDate": started}
        self.executions[arn] |= {} if status == "RUNNING" else {"stopDate": stopped}
        self.events[arn] = events
        self._known[arn] = self.step or len(events)
        return arn

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:
        self.calls.append(("describe_execution",))
        found = self.executions.get(executionArn)
        if found is None:
            told = {"Code": "ExecutionDoesNotExist", "Message": "Execution Does Not Exist"}
            raise ClientError({"Error": told}, "DescribeExecution")
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
        known = self.events[executionArn][: self._known[executionArn]]
        events = list(reversed(known)) if reverseOrder else known
        at = int(nextToken)
        page = events[at : at + maxResults]
        self.calls.append(("get_execution_history", page[0]["id"], page[-1]["id"]))
        more = {"nextToken": str(at + maxResults)} if at + maxResults < len(events) else {}
        return {"events": page, **more}

    def list_executions(
        self, *, stateMachineArn: str, maxResults: int, statusFilter: str = ""
    ) -> dict[str, Any]:
        assert stateMachineArn == MACHINE
        found = [e for e in self.executions.values() if statusFilter in ("", e["status"])]
        return {"executions": list(reversed(found))[:maxResults]}
