"""How long a function of an earlier run may still be running."""

from datetime import datetime, timedelta

from rotation.adapters.secrets_manager import SecretsManager
from rotation.adapters.step_functions import StepFunctions
from rotation.errors import ServiceUnavailableError, ThrottlingError
from rotation.records.target import Target
from rotation.rules.executions import execution_by_hand, is_derived, newest_attempt

#: The state machine's TimeoutSeconds, and an hour.
LONGEST_EXECUTION = timedelta(days=3, hours=1)


def seconds_until_earlier_runs_end(
    target: Target,
    secrets: SecretsManager,
    state_machine: StepFunctions,
    now: datetime,
    late_seconds: int,
) -> int:
    """Seconds until no function of another run on this secret can be running; usually 0.

    Lambda does not stop a function whose execution was stopped. What that function writes in its
    last ``late_seconds`` would undo what this run does.
    """
    created = {
        version.version_id: version.created for version in secrets.versions(target.secret_arn)
    }
    current_created = created.pop(target.current_version_id, None)
    own_created = created.pop(target.version_id, None)
    if current_created is None or own_created is None:
        # The list is eventually consistent.
        return late_seconds
    own_versions = ("", target.version_id, target.current_version_id)
    took_lock = target.pending_version_at_check not in own_versions
    if took_lock or any(other > current_created for other in created.values()):
        # A run has not ended, or failed.
        return late_seconds
    if now - current_created > LONGEST_EXECUTION or not created:
        # No execution runs for so long; or AWSCURRENT is the first version, which no run made.
        return 0
    if is_derived(target.current_version_id):
        return late_seconds
    try:
        execution = newest_attempt(target.current_version_id, state_machine)
        execution = execution or execution_by_hand(target.current_version_id, state_machine)
    except (ThrottlingError, ServiceUnavailableError):
        return late_seconds
    # A version that a person made has no execution, but an earlier one may still be running.
    ended = execution.stopped_at if execution else current_created
    if ended is None:
        return late_seconds
    return min(max(0, round(late_seconds - (now - ended).total_seconds())), late_seconds)
