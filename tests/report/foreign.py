"""Histories of other state machines, built event by event."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

_BEGIN = datetime(2026, 3, 1, 10, tzinfo=UTC)
CHARGE = "arn:aws:lambda:eu-west-1:111122223333:function:charge"
DANGEROUS = 'Set <b>"Defaults"</b>'


class History:
    """Each method adds an event, a second after the last one, and returns its id."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def add(self, kind: str, after: int = 0, **details: Any) -> int:
        number = len(self.events) + 1
        event: dict[str, Any] = {"id": number, "previousEventId": after, "type": kind}
        event["timestamp"] = (_BEGIN + timedelta(seconds=number)).isoformat()
        if details:
            key = "stateEntered" if kind.endswith("StateEntered") else kind[0].lower() + kind[1:]
            key = "stateExited" if kind.endswith("StateExited") else key
            event[f"{key}EventDetails"] = details
        self.events.append(event)
        return number

    def enter(self, kind: str, after: int, name: str, given: str = "{}") -> int:
        return self.add(f"{kind}StateEntered", after, name=name, input=given)

    def leave(self, kind: str, after: int, name: str) -> int:
        return self.add(f"{kind}StateExited", after, name=name, output="{}")

    def passed(self, kind: str, after: int, name: str) -> int:
        return self.leave(kind, self.enter(kind, after, name), name)

    def try_task(self, after: int) -> int:
        parameters = {"FunctionName": CHARGE, "Payload": {"note": "</pre><script>"}}
        text = json.dumps(parameters)
        scheduled = self.add("TaskScheduled", after, resource="invoke", parameters=text)
        return self.add("TaskStarted", scheduled, resource="invoke")

    def fail_task(self, name: str, after: int, error: str = "Broken") -> int:
        return self.add("TaskFailed", self.try_task(self.enter("Task", after, name)), error=error)

    def start_map(self, name: str, after: int, items: int = 1) -> int:
        return self.add("MapStateStarted", self.enter("Map", after, name), length=items)

    def item(self, step: str, after: int, name: str, index: int = 0) -> int:
        return self.add(f"MapIteration{step}", after, name=name, index=index)


def order() -> History:
    """Every type of state: a Parallel of a retried Task and of a Map in a Map; text to escape."""
    h = History()
    at = h.add("ExecutionStarted", input='{"note": "<script>alert(1)</script>"}')
    at = h.passed("Choice", h.passed("Pass", at, DANGEROUS), "Is It Big?")
    parallel = h.add("ParallelStateStarted", h.enter("Parallel", at, "Both"))
    charge = h.try_task(h.enter("Task", parallel, "Charge"))
    wait = h.enter("Wait", parallel, "Cool Off")
    cause = json.dumps({"errorMessage": "no <i>money</i>", "stackTrace": []})
    charge = h.try_task(h.add("TaskFailed", charge, error="CardDeclined", cause=cause))
    boxes = h.start_map("Each Box", h.leave("Wait", wait, "Cool Off"), 2)
    first, second = (h.item("Started", boxes, "Each Box", index) for index in (0, 1))
    pack = h.add("ActivityScheduled", h.enter("Task", first, "Pack", '{"box": 1}'), resource="a")
    pack = h.leave("Task", h.add("ActivitySucceeded", pack, output="{}"), "Pack")
    label = h.item("Started", h.start_map("Each Label", pack), "Each Label")
    label = h.item("Succeeded", h.passed("Pass", label, "Print"), "Each Label")
    h.item("Succeeded", h.leave("Map", h.add("MapStateSucceeded", label), "Each Label"), "Each Box")
    pack = h.enter("Task", second, "Pack", '{"box": 2}')
    pack = h.add("LambdaFunctionScheduled", pack, resource=CHARGE, input="{}")
    pack = h.add("LambdaFunctionTimedOut", pack, error="States.Timeout")
    h.item("Failed", pack, "Each Box", 1)
    boxes = h.leave("Map", h.add("MapStateFailed", pack), "Each Box")
    h.passed("Succeed", boxes, "Boxes Done")
    charge = h.add("TaskTimedOut", charge, error="States.Timeout", cause="too slow")
    both = h.leave("Parallel", h.add("ParallelStateFailed", charge), "Both")
    fail = h.enter("Fail", both, "Order Failed")
    h.add("ExecutionFailed", fail, error="OrderFailed", cause="<img src=x> \x1b[31m")
    return h


_LABELS = {"StartAt": "Print", "States": {"Print": {"Type": "Pass", "End": True}}}
_BOX = {
    "Pack": {"Type": "Task", "Resource": "x", "Next": "Each Label"},
    "Each Label": {"Type": "Map", "Iterator": _LABELS, "End": True},
}
_BOXES = {
    "Cool Off": {"Type": "Wait", "Seconds": 4, "Next": "Each Box"},
    "Each Box": {
        "Type": "Map",
        "ItemProcessor": {"StartAt": "Pack", "States": _BOX},
        "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "Boxes Done"}],
        "Next": "Boxes Done",
    },
    "Boxes Done": {"Type": "Succeed"},
}
_CHARGE = {"Charge": {"Type": "Task", "Resource": CHARGE, "End": True}}
_BRANCHES = [{"StartAt": "Charge", "States": _CHARGE}, {"StartAt": "Cool Off", "States": _BOXES}]
_BIG = {"Variable": "$.n", "NumericGreaterThan": 5, "Next": "Both"}
_AGAIN = {"Variable": "$.again", "BooleanEquals": True, "Next": "Again?"}
_FAILED = {"ErrorEquals": ["States.ALL"], "Next": "Order Failed"}
#: The definition of `order`, with a loop of one state and a state that nothing leads to.
ORDER = {
    "StartAt": DANGEROUS,
    "States": {
        DANGEROUS: {"Type": "Pass", "Next": "Is It Big?"},
        "Is It Big?": {"Type": "Choice", "Choices": [_BIG], "Default": "Small"},
        "Small": {"Type": "Succeed"},
        "Both": {"Type": "Parallel", "Branches": _BRANCHES, "Catch": [_FAILED], "Next": "Again?"},
        "Again?": {"Type": "Choice", "Choices": [_AGAIN], "Default": "Small"},
        "Order Failed": {"Type": "Fail"},
        f"Never Reached {'and Long ' * 6}": {"Type": "Task", "Resource": "x", "End": True},
    },
}


def big_map(items: int) -> History:
    """A Map of so many items; the third one is tried twice, the fifth one fails the Map."""
    h = History()
    begun = h.start_map("All", h.add("ExecutionStarted", input="{}"), items)
    failed = 0
    for index in range(items):
        at = h.item("Started", begun, "All", index)
        at = h.try_task(h.enter("Task", at, "One", json.dumps({"item": index})))
        if index == 2:
            at = h.try_task(h.add("TaskFailed", at, error="Flaky", cause="once"))
        if index == 4:
            failed = h.add("TaskFailed", at, error="Broken", cause="for good")
            h.item("Failed", failed, "All", index)
            continue
        at = h.leave("Task", h.add("TaskSucceeded", at, output="{}"), "One")
        h.item("Succeeded", at, "All", index)
    h.add("ExecutionFailed", h.add("MapStateFailed", failed), error="Broken", cause="for good")
    return h
