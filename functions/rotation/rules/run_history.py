"""What the events of an execution's history say about the run."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

#: An event of GetExecutionHistory (API reference, HistoryEvent).
Event = Mapping[str, Any]

#: The states between a failure and the end of the execution.
STATES_AFTER_FAILURE = (
    "Wait For Promotion",
    "Verify Current Password",
    "Log In With Current",
    "Current Password Not Verified",
    "Close Rotation",
    "Rotation Not Closed",
    "Promoted After All?",
    "Rotation Failed",
)
FIND_ENDPOINTS_AGAIN = "Find Endpoints Again"
#: A task's error while the account, or the function, has no concurrency left.
THROTTLED_BY_LAMBDA = "Lambda.TooManyRequestsException"


@dataclass(frozen=True)
class Ending:
    """What a run that did not succeed has left.

    ``codes`` are those of `rotation.rules.closing`; empty if Close Rotation returned none. Then
    ``user_reached`` is whether Modify User was entered. ``user_id`` is empty if Check Target did
    not find the user.
    """

    codes: Mapping[str, Any] = field(default_factory=dict)
    user_reached: bool = False
    user_id: str = ""

    @classmethod
    def of(cls, newest_first: Iterable[Event]) -> "Ending":
        """Read events that include their data."""
        for event in newest_first:
            exited = event.get("stateExitedEventDetails", {"name": ""})
            if exited["name"] == "Close Rotation":
                state = json.loads(exited["output"])
                # Its Catch leaves no codes.
                if codes := state.get("Closing"):
                    return cls(codes, user_id=_user_id(state))
            entered = event.get("stateEnteredEventDetails", {"name": ""})
            if entered["name"] == "Modify User":
                return cls(user_reached=True, user_id=_user_id(json.loads(entered["input"])))
        return cls()


def failed_state(newest_first: Iterable[Event]) -> str | None:
    """The state in which a run failed.

    Log In leads back to Find Endpoints Again. If that found the same endpoints, Log In has failed.
    """
    last = None
    for event in newest_first:
        state = event.get("stateEnteredEventDetails", {}).get("name")
        if not state or state in STATES_AFTER_FAILURE:
            continue
        if state == FIND_ENDPOINTS_AGAIN:
            last = state
            continue
        return FIND_ENDPOINTS_AGAIN if last and state != "Log In" else str(state)
    return last


def waits_for_lambda(newest_first: Iterable[Event]) -> bool:
    """Whether Lambda refused the newest task for lack of concurrency, and it will be retried."""
    for event in newest_first:
        if event["type"] == "TaskSucceeded":
            return False
        if error := event.get("taskFailedEventDetails", {}).get("error"):
            return bool(error == THROTTLED_BY_LAMBDA)
    return False


def transitions(events: Iterable[Event]) -> int:
    """State transitions as they are billed: states entered, and retries."""
    types = [event["type"] for event in events]
    entered = sum(event_type.endswith("StateEntered") for event_type in types)
    return int(entered + types.count("TaskScheduled") - types.count("TaskStateEntered"))


def _user_id(state: Mapping[str, Any]) -> str:
    return str(state.get("Target", {}).get("UserId", ""))
