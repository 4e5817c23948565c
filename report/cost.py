"""What one rotation costs, by the history of its execution.

``aws stepfunctions get-execution-history --execution-arn ARN --output json``, piped into
``python -m report.cost``.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from report import closed_pipe
from report.history import time_of

#: US dollars in us-east-1, November 2026: Step Functions Standard, per state transition
#: (https://aws.amazon.com/step-functions/pricing/); Lambda arm64, per GB-second and per request
#: (https://aws.amazon.com/lambda/pricing/). Free tiers are left out.
TRANSITION, GB_SECOND, REQUEST = 0.025 / 1_000, 0.0000133334, 0.20 / 1_000_000
#: Memory of the state machine's functions, and of the rotation function, which waits for them.
TASK_GB, WAITING_GB = 0.25, 0.125
#: createSecret, setSecret, testSecret, finishSecret.
STEPS = 4


@dataclass(frozen=True)
class Cost:
    """``task_seconds`` is the time of the functions, ``seconds`` that of the execution."""

    transitions: int
    invocations: int
    task_seconds: float
    seconds: float

    @property
    def step_functions(self) -> float:
        """In US dollars."""
        return self.transitions * TRANSITION

    @property
    def tasks(self) -> float:
        """In US dollars."""
        return self.task_seconds * TASK_GB * GB_SECOND + self.invocations * REQUEST

    @property
    def rotation_function(self) -> float:
        """In US dollars: it waits until the execution ends."""
        return self.seconds * WAITING_GB * GB_SECOND + STEPS * REQUEST

    @property
    def total(self) -> float:
        """In US dollars."""
        return self.step_functions + self.tasks + self.rotation_function


def cost_of(events: Sequence[dict[str, Any]]) -> Cost:
    """The cost by the events of GetExecutionHistory.

    A retry is also a transition (Step Functions pricing).
    """
    times = [time_of(event["timestamp"]) for event in events]
    types = [event["type"] for event in events]
    by_id = {event["id"]: time for event, time in zip(events, times, strict=True)}
    ended = [
        (time, by_id[event["previousEventId"]])
        for event, time in zip(events, times, strict=True)
        if event["type"] in ("TaskSucceeded", "TaskFailed", "TaskTimedOut")
    ]
    invocations = types.count("TaskScheduled")
    retries = invocations - types.count("TaskStateEntered")
    return Cost(
        transitions=sum(name.endswith("StateEntered") for name in types) + retries,
        invocations=invocations,
        task_seconds=sum((end - start).total_seconds() for end, start in ended),
        seconds=(times[-1] - times[0]).total_seconds(),
    )


def main() -> int:
    """Print the cost of the history on standard input; without one, the exit status is 1."""
    try:
        # Without a pipe there is nothing to wait for.
        text = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read()
        cost = cost_of(json.loads(text)["events"])
    except (ValueError, KeyError, TypeError, IndexError):
        print(
            "error: standard input is not a history in JSON: pipe the output of aws stepfunctions "
            "get-execution-history --execution-arn ARN --output json into this command",
            file=sys.stderr,
        )
        return 1
    try:
        print(f"transitions         {cost.transitions:>8}    ${cost.step_functions:.6f}")
        print(f"tasks               {cost.task_seconds:>7.1f}s    ${cost.tasks:.6f}")
        print(f"rotation function   {cost.seconds:>7.1f}s    ${cost.rotation_function:.6f}")
        print(f"total                           ${cost.total:.6f}")
        sys.stdout.flush()
    except BrokenPipeError:
        return closed_pipe()
    return 0


if __name__ == "__main__":
    sys.exit(main())
