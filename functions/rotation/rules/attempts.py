"""Starts and finds the executions that the rotation function names after a version."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from rotation.adapters.step_functions import Execution, StepFunctions
from rotation.errors import AwsError, RotationFailedError, RotationInProgressError
from rotation.records.execution_name import ExecutionName
from rotation.rules.executions import newest_attempt
from rotation.rules.late_reads import READS, SECONDS_BETWEEN_READS, read_again
from rotation.rules.run_history import failed_state

#: The statuses after which there is no further attempt.
LASTING = ("RUNNING", "SUCCEEDED")


class Attempts:
    """The executions of a rotation; ``sleep`` is as time.sleep."""

    def __init__(self, state_machine: StepFunctions, sleep: Callable[[float], None]) -> None:
        self._state_machine = state_machine
        self._sleep = sleep

    def start(self, name: ExecutionName, execution_input: dict[str, Any]) -> Execution:
        """Start the next attempt, or find the one that runs or has succeeded.

        A name can be used once in 90 days (API reference, StartExecution).

        Raises:
            RotationInProgressError: an attempt was started and cannot be seen yet.
        """
        while True:
            numbered_input = {**execution_input, "Attempt": name.attempt}
            if started := self._state_machine.start(str(name), numbered_input):
                return started
            taken = read_again(partial(self._state_machine.find, str(name)), self._sleep)
            if taken is None:
                raise RotationInProgressError(
                    f"Execution {name} was started and cannot be seen yet. Secrets Manager's retry "
                    "will find it."
                )
            if taken.status in LASTING:
                return taken
            name = name.next_attempt

    def newest(self, version_id: str, secret_id: str) -> Execution:
        """The newest execution for the version. An older one that failed may hide it at first.

        Raises:
            RotationFailedError: there is none.
        """
        find = partial(newest_attempt, version_id, self._state_machine)
        newest = read_again(find, self._sleep)
        if newest is None:
            raise RotationFailedError(
                f"There is no execution for version {version_id} of secret {secret_id}: its "
                "createSecret has not run."
            )
        for _ in range(READS):
            if newest.status in LASTING:
                break
            self._sleep(SECONDS_BETWEEN_READS)
            newest = find() or newest
        return newest

    def require_not_failed(self, execution: Execution) -> Execution:
        """Raises RotationFailedError for an execution that ended without success."""
        if execution.status in LASTING:
            return execution
        state = None
        # The failure is known without the state's name.
        with suppress(AwsError):
            state = failed_state(self._state_machine.history(execution.arn, newest_first=True))
        where = f" in state {state}" if state else ""
        why = f": {execution.error}. {execution.cause}" if execution.error else "."
        raise RotationFailedError(
            f"The rotation {execution.status}{where}{why} Execution: {execution.arn}"
        )
