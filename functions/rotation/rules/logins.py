"""What has to be true of a node before, during and after the change of a password."""

from rotation.adapters.login import NodeConnection
from rotation.adapters.secrets_manager import AWSCURRENT, SecretsManager
from rotation.errors import CurrentPasswordRefusedError
from rotation.records.endpoint import Endpoint
from rotation.records.run_state import FIRST_ROTATION, LOGGED_IN
from rotation.records.target import Target
from rotation.rules import first_rotation
from rotation.runtime.telemetry import counted


def check_endpoint(target: Target, endpoint: Endpoint, secrets: SecretsManager) -> tuple[bool, str]:
    """Before the change: the node answers, AWSCURRENT logs in, and a made-up password does not.

    Returns:
        Whether AWSCURRENT logs in, and the version whose password an earlier first rotation set,
        or empty.

    Raises:
        CurrentPasswordRefusedError: AWSCURRENT does not log in, and the execution's input does not
            allow that.
        CurrentPasswordUnknownError, EndpointError, VersionNotReadableError, AwsError
    """
    current = secrets.read(target.secret_arn, target.current_version_id)
    with NodeConnection.open(endpoint, target.username) as node:
        if target.authentication == "password":
            node.require_a_password()
        else:
            # The node has to answer. The first rotation ends that it accepts any password.
            node.accepts_any_password()
        logs_in = check_current_password(target, current.password, node)
        proven = ""
        if target.first_password_candidates:
            proven = first_rotation.proven(target, secrets, node)
    return logs_in, proven


def check_current_password(target: Target, password: str | None, node: NodeConnection) -> bool:
    """Whether AWSCURRENT logs in, so that no password is removed that the secret does not hold.

    It cannot log in while the secret holds none, or while the user is off until its first rotation.

    Raises:
        CurrentPasswordRefusedError: it does not, and the execution's input does not allow that.
    """
    if target.turn_on:
        return True
    if password is None:
        return not target.replace_unknown_password
    if node.accepts(password):
        return True
    if target.replace_unknown_password:
        return False
    raise CurrentPasswordRefusedError(
        f"AWSCURRENT of secret {target.secret_arn} does not log in on {node.endpoint}. Clients may "
        "use another password, which a rotation would remove. Correct the secret: put the password "
        f"of user {target.username} that clients use into it. If nobody uses another one, start an "
        'execution by hand with "ReplaceUnknownPassword": true in its input.'
    )


def log_in(target: Target, endpoint: Endpoint, secrets: SecretsManager) -> None:
    """After the change: the new and the current password log in, and a made-up one does not.

    Counted in the metric Logins.

    Raises:
        EndpointError, VersionNotReadableError, SecretFormatError, AwsError
    """
    new = secrets.read(target.secret_arn, target.version_id).password
    current = secrets.read(target.secret_arn, target.current_version_id).password
    with counted("Logins"), NodeConnection.open(endpoint, target.username) as node:
        node.require_a_password()
        node.require_login(new or "", "new")
        if current:
            node.require_login(current, "current")


def log_in_with_current(target: Target, endpoint: Endpoint, secrets: SecretsManager) -> str:
    """After a failure: AWSCURRENT, as it is now, logs in.

    Returns:
        LOGGED_IN, or FIRST_ROTATION if AWSCURRENT holds no password.

    Raises:
        EndpointError, VersionNotReadableError, SecretFormatError, AwsError
    """
    # Described again: a person may have moved the label.
    current = secrets.describe(target.secret_arn).version_with(AWSCURRENT) or ""
    password = secrets.read(target.secret_arn, current).password
    if not password:
        return FIRST_ROTATION
    with NodeConnection.open(endpoint, target.username) as node:
        node.require_login(password, "current")
    return LOGGED_IN
