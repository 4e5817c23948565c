"""The end of a run after a failure: what the run has left, in codes and in sentences.

Nothing is rolled back. A run writes only the new and the current password to the user, so
AWSCURRENT logs in however the run ends.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rotation.adapters.secrets_manager import AWSCURRENT, SecretsManager
from rotation.errors import (
    CurrentPasswordRefusedError,
    InvalidInputError,
    PasswordRefusedError,
    RotationError,
)
from rotation.records.execution_input import ExecutionInput
from rotation.records.failure import Failure
from rotation.records.run_state import FIRST_ROTATION, LOGGED_IN, RunState
from rotation.rules.executions import is_attempt
from rotation.rules.labels import remove_pending

# What the run has done to the user.
UNTOUCHED = "UNTOUCHED"
MAY_HAVE_BOTH_PASSWORDS = "MAY_HAVE_BOTH_PASSWORDS"
BOTH_PASSWORDS = "BOTH_PASSWORDS"
MAY_HAVE_FIRST = "MAY_HAVE_FIRST_PASSWORD"
HAS_FIRST = "FIRST_PASSWORD"

# Whether AWSPENDING is still on the run's version.
REMOVED = "REMOVED"
KEPT = "KEPT"
NOT_STAGED = "NOT_STAGED"

# Whether clients that read AWSCURRENT can log in.
NOT_LOCKED_OUT = "NOT_LOCKED_OUT"
UNKNOWN = "UNKNOWN"
LOCKED_OUT = "LOCKED_OUT"

USER_SENTENCES = {
    UNTOUCHED: "The user was not changed.",
    MAY_HAVE_BOTH_PASSWORDS: "The user may have the new password beside the current one.",
    BOTH_PASSWORDS: "The user has the new password beside the current one.",
    MAY_HAVE_FIRST: "The user may have its first password; the next rotation continues from there.",
    HAS_FIRST: "The user has its first password; the next rotation continues from there.",
}


@dataclass(frozen=True)
class Closing:
    """How the run ends; ``user``, ``pending`` and ``clients`` are the codes above.

    Args:
        promoted: whether AWSCURRENT is on the run's version; None if that could not be read.
        failure: the first one that mattered.
        logged_in: the number of endpoints on which AWSCURRENT logged in; None if none was tried.
        endpoints: the number of endpoints that were tried; None if none was.
        not_tested: the caches that the stack does not log in to.
        at: when this was verified.
        cause: the cause of the failed execution.
    """

    promoted: bool | None
    failure: Failure
    user: str
    pending: str
    clients: str
    logged_in: int | None
    endpoints: int | None
    not_tested: tuple[str, ...]
    at: datetime
    cause: str

    def to_state(self) -> dict[str, Any]:
        """As JSON of the execution's state."""
        tried = self.logged_in is not None
        return {
            "Promoted": self.promoted,
            "Error": self.failure.error,
            "Cause": self.cause,
            "User": self.user,
            "Pending": self.pending,
            "Clients": self.clients,
            "Current": {
                "LoggedIn": self.logged_in,
                "Of": self.endpoints,
                "At": self.at.isoformat(timespec="seconds") if tried else None,
                "NotTested": list(self.not_tested),
            },
        }


def close(run: RunState, secrets: SecretsManager, now: datetime) -> Closing:
    """Remove AWSPENDING from this run's version, and report what the run has left.

    Left on, the label would block the secret's schedule (user guide, "Troubleshoot rotation").

    Raises:
        ThrottlingError, ServiceUnavailableError: the state machine retries.
    """
    failure = run.failure or Failure("unknown", "A state failed without an error.")
    version, secret_id = _own_version(run)
    pending, problem = _remove_pending(version, secret_id, secrets)
    promoted = _promoted(version, secret_id, secrets)
    user = _user(run)
    clients = _clients(run, user, failure)
    logged_in = endpoints = None
    if run.verification is not None and FIRST_ROTATION not in run.verification:
        logged_in, endpoints = run.verification.count(LOGGED_IN), len(run.verification)
    # Before Modify User there is nothing to promote.
    unknown = promoted is None and run.modification is not None
    not_seen = f"Whether version {version} is AWSCURRENT is unknown." if unknown else ""
    # AWS's own causes end without a full stop.
    reason = f"{failure.sentence.removesuffix('.')}."
    sentences = (reason, USER_SENTENCES[user], _verified(run, clients), not_seen, problem)
    return Closing(
        promoted=promoted,
        failure=failure,
        user=user,
        pending=pending,
        clients=clients,
        logged_in=logged_in,
        endpoints=endpoints,
        not_tested=run.not_tested,
        at=now,
        cause=" ".join(filter(None, sentences)),
    )


def _remove_pending(
    version: str | None, secret_id: str, secrets: SecretsManager
) -> tuple[str, str]:
    """Remove AWSPENDING. Returns its code, and a sentence if the label stays."""
    if not version:
        return NOT_STAGED, ""
    try:
        remove_pending(secrets, secret_id, version)
    except RotationError as error:
        if error.transient:
            raise
        return KEPT, f"AWSPENDING stays on version {version}: {type(error).__name__}."
    return REMOVED, ""


def _promoted(version: str | None, secret_id: str, secrets: SecretsManager) -> bool | None:
    """Whether the version is AWSCURRENT; None if that cannot be read."""
    if not version:
        return False
    try:
        return secrets.describe(secret_id).version_with(AWSCURRENT) == version
    except RotationError as error:
        if error.transient:
            raise
        return None


def _own_version(run: RunState) -> tuple[str | None, str]:
    """The version from which this run may remove AWSPENDING, or None, and its secret.

    Without a target, the execution's name has to prove that the rotation function started it:
    anybody can write a ClientRequestToken into an execution's input.
    """
    if run.target:
        return None if run.target.dry_run else run.target.version_id, run.target.secret_arn
    try:
        parsed = ExecutionInput.parse(run.execution_input)
    except InvalidInputError:
        return None, ""
    version = parsed.version_id
    is_own = version and is_attempt(version, run.execution_arn) and not parsed.dry_run
    return version if is_own else None, parsed.secret_id


def _user(run: RunState) -> str:
    if not run.staged or not run.target:
        return UNTOUCHED
    if run.target.first_rotation:
        return HAS_FIRST if run.modification else MAY_HAVE_FIRST
    return BOTH_PASSWORDS if run.modification else MAY_HAVE_BOTH_PASSWORDS


def _clients(run: RunState, user: str, failure: Failure) -> str:
    refused = failure.error == CurrentPasswordRefusedError.__name__
    results = set(run.verification or ())
    if refused or PasswordRefusedError.__name__ in results:
        return LOCKED_OUT
    # A user that was off before its first rotation has no clients.
    no_clients = run.target is not None and run.target.first_rotation and run.target.turn_on
    tried_everywhere = run.verification is not None and not run.not_tested
    logged_in = tried_everywhere and results <= {LOGGED_IN}
    if user == UNTOUCHED or no_clients or logged_in:
        return NOT_LOCKED_OUT
    return UNKNOWN


def _verified(run: RunState, clients: str) -> str:
    """Where AWSCURRENT logs in; empty if that was not tried before Modify User."""
    if run.verification is None:
        return "" if not run.staged else "Whether AWSCURRENT logs in was not verified."
    if FIRST_ROTATION in run.verification:
        return ""
    count, of = run.verification.count(LOGGED_IN), len(run.verification)
    sentence = f"AWSCURRENT logs in on {count} of {of} endpoints." if of else ""
    if run.not_tested:
        sentence = f"{sentence} Not tested: {', '.join(run.not_tested)}.".strip()
    return f"CLIENTS ARE LOCKED OUT: {sentence}" if clients == LOCKED_OUT else sentence
