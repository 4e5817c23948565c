"""Everything about the secret and the user that can be refused before anything has changed."""

from contextlib import suppress
from typing import NoReturn

from rotation.adapters.elasticache import ElastiCache
from rotation.adapters.secrets_manager import (
    AWSCURRENT,
    AWSPENDING,
    SecretDescription,
    SecretsManager,
    without_current,
)
from rotation.adapters.step_functions import StepFunctions
from rotation.errors import (
    InvalidInputError,
    RotationError,
    RotationInProgressError,
    SecretFormatError,
    SecretNotAllowedError,
    UserBusyError,
    UserNotBoundError,
)
from rotation.records.execution_input import ExecutionInput
from rotation.records.secret import SecretValue
from rotation.records.target import Target
from rotation.records.user import BINDING_TAG, User, check_rotatable, user_id_of
from rotation.rules import first_rotation
from rotation.rules.executions import is_attempt, running_execution_for, version_of
from rotation.rules.pin import Pin


def check_target(
    execution_input: ExecutionInput,
    execution_arn: str,
    secrets: SecretsManager,
    users: ElastiCache,
    machine: StepFunctions,
    pin: Pin | None,
    rotation_function_arn: str,
) -> Target:
    """Everything that can be refused before anything has changed, but for the network.

    ``rotation_function_arn`` is this stack's.

    Raises:
        SecretError, UserError, RotationInProgressError, AwsError
    """
    secret = secrets.describe(execution_input.secret_id)
    if pin:
        pin.require_secret(secret.arn)
    _check_no_other_stack(secret, rotation_function_arn)
    current = secret.version_with(AWSCURRENT)
    if current is None:
        raise without_current(secret.arn)
    token = _version_to_make(execution_input, execution_arn, secret, current)
    pending = secret.version_with(AWSPENDING)
    if pending not in (None, current, token) and not execution_input.dry_run:
        others = (arn for arn in machine.running() if arn != execution_arn)
        if other := running_execution_for(pending or "", others):
            raise RotationInProgressError(
                f"Another rotation of secret {secret.arn} is at work: execution {other}, which has "
                f"AWSPENDING on version {pending}. Wait for it to end."
            )
    with secret.naming_key():
        value = secrets.read(secret.arn, current)
    if pin:
        pin.require_user(value)
    user_arn = value.user_arn or (pin.user_arn if pin else _missing_arn(value, secret, users))
    user = users.user(user_id_of(user_arn, secret.arn))
    check_rotatable(user, value, secret.arn)
    if not pin:
        _check_bound(user, secret, users)
    first_passwords: list[str] = []
    replace = execution_input.replace_unknown_password
    if user.enabled and value.password is None and not replace:
        if user.authentication != "password":
            # It lets any password log in: that is no first rotation's work.
            raise first_rotation.unknown_password(user.user_id, secret.arn)
        first_passwords = first_rotation.candidates(user.user_id, secret.arn, current, secrets)
        if user.status == "modifying":
            # DescribeUsers shows what the nodes have not got yet.
            raise UserBusyError(f"User {user.user_id} has status modifying.")
    if execution_input.create_secret_error and token == execution_input.token:
        # All that the state machine can see is sound: what createSecret met is the failure.
        raise execution_input.create_secret_error
    return Target(
        secret_arn=secret.arn,
        version_id=token,
        current_version_id=current,
        pending_version_at_check=pending or "",
        user_id=user.user_id,
        username=user.name,
        authentication=user.authentication,
        turn_on=not user.enabled,
        dry_run=execution_input.dry_run,
        first_rotation=value.password is None,
        replace_unknown_password=replace,
        changed_values=value.changed_values,
        first_password_candidates=first_passwords,
    )


def _check_no_other_stack(secret: SecretDescription, rotation_function_arn: str) -> None:
    """Two stacks do not see each other's executions, and could rotate at the same time."""
    other = secret.schedule.function_arn if secret.schedule.enabled else ""
    if other and other != rotation_function_arn:
        raise SecretNotAllowedError(
            f"Secret {secret.arn} is rotated by function {other}, which is not this stack's. Start "
            "the execution in that function's stack, or turn the secret's rotation off there first."
        )


def _version_to_make(
    execution_input: ExecutionInput, execution_arn: str, secret: SecretDescription, current: str
) -> str:
    """Secrets Manager's token in an execution that is named after it, or one by hand."""
    token = execution_input.token
    # A copy of such an execution's input, in "New execution" of the console, is a run by hand.
    if token and is_attempt(token, execution_arn):
        version = token
        if execution_input.replace_unknown_password:
            raise InvalidInputError(
                'The execution\'s input has "ReplaceUnknownPassword" in a rotation of Secrets '
                "Manager's. Only a person may decide that: start an execution by hand."
            )
    else:
        version = version_of(execution_arn)
    if version == current:
        raise InvalidInputError(
            f"Version {version} of secret {secret.arn} is AWSCURRENT already: nothing is left to "
            "rotate. Start a new execution."
        )
    return version


def _missing_arn(value: SecretValue, secret: SecretDescription, users: ElastiCache) -> NoReturn:
    """Refuse a secret that does not say who its user is, with what to put into it."""
    bound: list[str] = []
    # What cannot be read is lost to the hint alone.
    with suppress(RotationError):
        for user in users.users():
            if user.name == value.username:
                with suppress(RotationError):
                    _check_bound(user, secret, users)
                    bound.append(user.arn)
    arn = bound[0] if len(bound) == 1 else "<the ARN of its ElastiCache user>"
    raise SecretFormatError(
        f'Secret {secret.arn} has no "user_arn", and this stack is not pinned to one user. Add to '
        f'its JSON object: "user_arn": "{arn}".'
    )


def _check_bound(user: User, secret: SecretDescription, users: ElastiCache) -> None:
    bound_to = users.tags(user.arn).get(BINDING_TAG, "")
    if bound_to not in (secret.name, secret.arn):
        found = f"names {bound_to}" if bound_to else "is missing"
        raise UserNotBoundError(
            f"User {user.user_id} is not bound to secret {secret.arn}: its tag {BINDING_TAG} "
            f"{found}. One user's password is kept in one secret. To keep it in this one, run `aws "
            f"elasticache add-tags-to-resource --resource-name {user.arn} --tags "
            f"Key={BINDING_TAG},Value={secret.name}`."
        )
