"""Which version an execution makes, and which execution makes a version.

The rotation function names executions after the version's ID (`ExecutionName`). A run by hand makes
the version of its own name where that is a UUID, as the console's are; otherwise one derived from
its ARN. So a state that runs again finds the same version.
"""

import re
import uuid
from collections.abc import Iterable

from rotation.adapters.step_functions import Execution, StepFunctions
from rotation.records.execution_name import ExecutionName, name_in

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def version_by_hand(execution_arn: str) -> str:
    """The ID of the version that a run by hand makes."""
    name = name_in(execution_arn)
    return name if _UUID.fullmatch(name) else str(uuid.uuid5(uuid.NAMESPACE_URL, execution_arn))


def is_derived(version_id: str) -> bool:
    """Whether the ID may be derived from an ARN, and so does not give its execution's name."""
    return bool(_UUID.fullmatch(version_id)) and uuid.UUID(version_id).version == 5


def is_attempt(version_id: str, execution_arn: str) -> bool:
    """Whether the rotation function named the execution after the version."""
    name = ExecutionName.parse(execution_arn)
    return name is not None and name.is_attempt_for(version_id)


def newest_attempt(version_id: str, state_machine: StepFunctions) -> Execution | None:
    """The last execution that the rotation function started for the version.

    No attempt follows one that runs or has succeeded.
    """
    newest, name = None, ExecutionName.first_attempt(version_id)
    while execution := state_machine.find(str(name)):
        newest, name = execution, name.next_attempt
        if execution.status in ("RUNNING", "SUCCEEDED"):
            break
    return newest


def execution_by_hand(version_id: str, state_machine: StepFunctions) -> Execution | None:
    """The execution by hand that makes the version, where the version's ID is its name."""
    return state_machine.find(version_id) if _UUID.fullmatch(version_id) else None


def running_execution_for(version_id: str, execution_arns: Iterable[str]) -> str | None:
    """The one of the executions that rotates to the version, or None."""
    for arn in execution_arns:
        if is_attempt(version_id, arn) or version_by_hand(arn) == version_id:
            return arn
    return None
