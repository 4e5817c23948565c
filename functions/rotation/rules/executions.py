"""Which version an execution makes, told by its name, and which execution makes a version.

Secrets Manager's executions are named after the token and the attempt. A run by hand makes the
version of its own name where that is a UUID, as the console's are, and else one derived from its
ARN: a state that runs again finds its version again.
"""

import re
import uuid
from collections.abc import Iterable

from rotation.adapters.step_functions import Execution, StepFunctions

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def version_of(execution_arn: str) -> str:
    """The version that a run by hand makes."""
    name = _name(execution_arn)
    return name if _UUID.fullmatch(name) else str(uuid.uuid5(uuid.NAMESPACE_URL, execution_arn))


def is_derived(version_id: str) -> bool:
    """Whether the version may be one whose execution its id does not tell."""
    return bool(_UUID.fullmatch(version_id)) and uuid.UUID(version_id).version == 5


def execution_name(token: str, attempt: int) -> str:
    """The name of the ``attempt``-th execution for a token, which a person can look for.

    A caller of RotateSecret may choose a token with characters that no name can have (API
    reference, StartExecution); one derived from it then stands in.
    """
    if not re.fullmatch(r"[A-Za-z0-9_.-]*", token):
        token = str(uuid.uuid5(uuid.NAMESPACE_URL, token))
    return f"{token}-{attempt}"


def dry_run_of(token: str) -> str:
    """The name that stands for the token where its version is only tested."""
    return f"{token}-dry-run"


def newest_execution(name: str, machine: StepFunctions) -> Execution | None:
    """The last execution of that token, or of another name that attempts are counted by.

    No attempt follows one that runs or has succeeded.
    """
    newest, number = None, 1
    while execution := machine.find(execution_name(name, number)):
        newest, number = execution, number + 1
        if execution.status in ("RUNNING", "SUCCEEDED"):
            break
    return newest


def execution_by_hand(version_id: str, machine: StepFunctions) -> Execution | None:
    """The execution by hand that makes the version, where the version tells its name."""
    return machine.find(version_id) if _UUID.fullmatch(version_id) else None


def running_execution_for(version_id: str, execution_arns: Iterable[str]) -> str | None:
    """The execution, of those, that rotates to that version, or None."""
    for arn in execution_arns:
        if is_attempt(version_id, arn) or version_of(arn) == version_id:
            return arn
    return None


def is_attempt(token: str, execution_arn: str) -> bool:
    """Whether the rotation function has named the execution after the token."""
    prefix = execution_name(token, 0).removesuffix("0")
    name = _name(execution_arn)
    return name.startswith(prefix) and name.removeprefix(prefix).isdecimal()


def _name(execution_arn: str) -> str:
    return execution_arn.rsplit(":", 1)[1]
