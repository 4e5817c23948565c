"""Histories of machines that are not ours, built event by event."""

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

    def try_task(self, after: int, function: str = CHARGE) -> int:
        given = json.dumps({"FunctionName": function, "Payload": {"note": "</pre><script>"}})
        scheduled = self.add("TaskScheduled", after, resource="invoke", parameters=given)
        return self.add("TaskStarted", scheduled, resource="invoke")


def order() -> History:
    """Every type of state: a Parallel of a retried Task and of a Map in a Map; text to escape."""
    h = History()
    at = h.add("ExecutionStarted", input='{"note": "<script>alert(1)</script>"}')
    at = h.passed("Pass", at, DANGEROUS)
    at = h.passed("Choice", at, "Is It Big?")
    parallel = h.add("ParallelStateStarted", h.enter("Parallel", at, "Both"))
    charge = h.try_task(h.enter("Task", parallel, "Charge"))
    wait = h.enter("Wait", parallel, "Cool Off")
    told = json.dumps({"errorMessage": "no <i>money</i>", "stackTrace": []})
    charge = h.try_task(h.add("TaskFailed", charge, error="CardDeclined", cause=told))
    boxes = h.enter("Map", h.leave("Wait", wait, "Cool Off"), "Each Box")
    boxes = h.add("MapStateStarted", boxes, length=2)
    first = h.add("MapIterationStarted", boxes, name="Each Box", index=0)
    second = h.add("MapIterationStarted", boxes, name="Each Box", index=1)
    pack = h.add("ActivityScheduled", h.enter("Task", first, "Pack", '{"box": 1}'), resource="a")
    pack = h.leave("Task", h.add("ActivitySucceeded", pack, output="{}"), "Pack")
    labels = h.add("MapStateStarted", h.enter("Map", pack, "Each Label"), length=1)
    label = h.add("MapIterationStarted", labels, name="Each Label", index=0)
    label = h.passed("Pass", label, "Print")
    label = h.add("MapIterationSucceeded", label, name="Each Label", index=0)
    label = h.leave("Map", h.add("MapStateSucceeded", label), "Each Label")
    h.add("MapIterationSucceeded", label, name="Each Box", index=0)
    pack = h.enter("Task", second, "Pack", '{"box": 2}')
    pack = h.add("LambdaFunctionScheduled", pack, resource=CHARGE, input="{}")
    pack = h.add("LambdaFunctionTimedOut", pack, error="States.Timeout")
    h.add("MapIterationFailed", pack, name="Each Box", index=1)
    boxes = h.leave("Map", h.add("MapStateFailed", pack), "Each Box")
    h.passed("Succeed", boxes, "Boxes Done")
    charge = h.add("TaskTimedOut", charge, error="States.Timeout", cause="too slow")
    both = h.leave("Parallel", h.add("ParallelStateFailed", charge), "Both")
    fail = h.enter("Fail", both, "Order Failed")
    h.add("ExecutionFailed", fail, error="OrderFailed", cause="<img src=x> \x1b[31m")
    return h


_LABELS = {"StartAt": "Print", "States": {"Print": {"Type": "Pass", "End": True}}}
_BOXES = {
    "Cool Off": {"Type": "Wait", "Seconds": 4, "Next": "Each Box"},
    "Each Box": {
        "Type": "Map",
        "ItemProcessor": {
            "StartAt": "Pack",
            "States": {
                "Pack": {"Type": "Task", "Resource": "x", "Next": "Each Label"},
                "Each Label": {
                    "Type": "Map",
                    "Iterator": {
                        "StartAt": "Print",
                        "States": {"Print": {"Type": "Pass", "End": True}},
                    },
                    "End": True,
                },
            },
        },
        "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "Boxes Done"}],
        "Next": "Boxes Done",
    },
    "Boxes Done": {"Type": "Succeed"},
}
_CHARGE = {"Charge": {"Type": "Task", "Resource": CHARGE, "End": True}}
#: The machine of `order`, with a loop of one state and one that nothing leads to.
ORDER = {
    "StartAt": DANGEROUS,
    "States": {
        DANGEROUS: {"Type": "Pass", "Next": "Is It Big?"},
        "Is It Big?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.n", "NumericGreaterThan": 5, "Next": "Both"}],
            "Default": "Small",
        },
        "Small": {"Type": "Succeed"},
        "Both": {
            "Type": "Parallel",
            "Branches": [
                {"StartAt": "Charge", "States": _CHARGE},
                {"StartAt": "Cool Off", "States": _BOXES},
            ],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Order Failed"}],
            "Next": "Again?",
        },
        "Again?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.again", "BooleanEquals": True, "Next": "Again?"}],
            "Default": "Small",
        },
        "Order Failed": {"Type": "Fail"},
        f"Never Reached {'and Long ' * 6}": {"Type": "Task", "Resource": "x", "End": True},
    },
}


def big_map(items: int) -> History:
    """A Map of so many items; the third one is tried twice, the fifth one fails the Map."""
    h = History()
    state = h.enter("Map", h.add("ExecutionStarted", input="{}"), "All")
    begun = h.add("MapStateStarted", state, length=items)
    failed = 0
    for index in range(items):
        at = h.add("MapIterationStarted", begun, name="All", index=index)
        at = h.try_task(h.enter("Task", at, "One", json.dumps({"item": index})))
        if index == 2:
            at = h.try_task(h.add("TaskFailed", at, error="Flaky", cause="once"))
        if index == 4:
            failed = h.add("TaskFailed", at, error="Broken", cause="for good")
            h.add("MapIterationFailed", failed, name="All", index=index)
            continue
        at = h.leave("Task", h.add("TaskSucceeded", at, output="{}"), "One")
        h.add("MapIterationSucceeded", at, name="All", index=index)
    h.add("ExecutionFailed", h.add("MapStateFailed", failed), error="Broken", cause="for good")
    return h
