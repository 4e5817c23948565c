"""What Check Target refuses about the secret and its user, before anything has changed."""

from contextlib import suppress
from typing import NoReturn

from rotation.adapters.elasticache import ElastiCache
from rotation.adapters.secrets_manager import (
    AWSCURRENT,
    AWSPENDING,
    SecretDescription,
    SecretsManager,
    no_current_error,
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
from rotation.records.user import BINDING_TAG, User
from rotation.rules import first_rotation
from rotation.rules.executions import is_attempt, running_execution_for, version_by_hand
from rotation.rules.pin import Pin
from rotation.rules.user_check import check_rotatable, check_user_arn


def check_target(
    execution_input: ExecutionInput,
    execution_arn: str,
    secrets: SecretsManager,
    users: ElastiCache,
    state_machine: StepFunctions,
    pin: Pin | None,
    rotation_function_arn: str,
) -> Target:
    """Check the secret and the user; ``rotation_function_arn`` is this stack's.

    Raises:
        SecretError, UserError, RotationInProgressError, InvalidInputError, AwsError
    """
    secret = secrets.describe(execution_input.secret_id)
    current = _current_of(secret, pin, rotation_function_arn)
    version_id = _version_to_make(execution_input, execution_arn, secret, current)
    _check_no_other_run(execution_input, secret, version_id, execution_arn, state_machine)
    with secret.adding_key_to_denial():
        value = secrets.read(secret.arn, current)
    user = _user_of(secret, value, users, pin)
    replace = execution_input.replace_unknown_password
    unknown = user.enabled and value.password is None and not replace
    candidates = _candidates(secret, current, user, secrets) if unknown else []
    _raise_error_of_create_secret(execution_input, version_id)
    return Target(
        secret_arn=secret.arn,
        version_id=version_id,
        current_version_id=current,
        pending_version_at_check=secret.version_with(AWSPENDING) or "",
        user_arn=user.arn,
        username=user.name,
        authentication=user.authentication,
        turn_on=not user.enabled,
        dry_run=execution_input.dry_run,
        first_rotation=value.password is None,
        replace_unknown_password=replace,
        changed_values=value.changed_values,
        first_password_candidates=candidates,
    )


def _current_of(secret: SecretDescription, pin: Pin | None, rotation_function_arn: str) -> str:
    """AWSCURRENT's version in a secret that this stack may rotate."""
    if pin:
        pin.require_secret(secret.arn)
    other = secret.schedule.function_arn if secret.schedule.enabled else ""
    # Two stacks do not see each other's executions, and could rotate at the same time.
    if other and other != rotation_function_arn:
        raise SecretNotAllowedError(
            f"Secret {secret.arn} is rotated by function {other}, which is not this stack's. Start "
            "the execution in that function's stack, or turn the secret's rotation off there first."
        )
    current = secret.version_with(AWSCURRENT)
    if current is None:
        raise no_current_error(secret.arn)
    return current


def _version_to_make(
    execution_input: ExecutionInput, execution_arn: str, secret: SecretDescription, current: str
) -> str:
    """Secrets Manager's version in an execution that is named after it; otherwise one by hand."""
    version = execution_input.version_id
    # "New execution" in the console copies an input, but not a name: the copy is a run by hand.
    if version and is_attempt(version, execution_arn):
        if execution_input.replace_unknown_password:
            raise InvalidInputError(
                'The execution\'s input has "ReplaceUnknownPassword", but Secrets Manager started '
                "this rotation. Only a person may decide to replace an unknown password: start an "
                "execution by hand."
            )
    else:
        version = version_by_hand(execution_arn)
    if version == current:
        raise InvalidInputError(
            f"Version {version} of secret {secret.arn} is AWSCURRENT already: nothing is left to "
            "rotate. Start a new execution."
        )
    return version


def _check_no_other_run(
    execution_input: ExecutionInput,
    secret: SecretDescription,
    version_id: str,
    execution_arn: str,
    state_machine: StepFunctions,
) -> None:
    pending = secret.version_with(AWSPENDING)
    is_own = pending in (version_id, secret.version_with(AWSCURRENT))
    if pending is None or is_own or execution_input.dry_run:
        return
    others = (arn for arn in state_machine.running() if arn != execution_arn)
    if other := running_execution_for(pending, others):
        raise RotationInProgressError(
            f"Another rotation of secret {secret.arn} is running: execution {other}, which has "
            f"AWSPENDING on version {pending}. Wait for it to end."
        )


def _user_of(
    secret: SecretDescription, value: SecretValue, users: ElastiCache, pin: Pin | None
) -> User:
    """The user that the secret names, if it may be rotated by this secret."""
    if pin:
        pin.require_user(value)
    user_arn = value.user_arn or (pin.user_arn if pin else "")
    if not user_arn:
        _refuse_missing_arn(value, secret, users)
    check_user_arn(user_arn, secret.arn)
    user = users.user(user_arn)
    check_rotatable(user, value, secret.arn)
    if not pin:
        _check_bound(user, secret, users)
    return user


def _refuse_missing_arn(
    value: SecretValue, secret: SecretDescription, users: ElastiCache
) -> NoReturn:
    """Refuse a secret without its user's ARN, and name the user if its tag shows it."""
    bound: list[str] = []
    # The hint may fail; the refusal is known without it.
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
    tag = users.tags(user.arn).get(BINDING_TAG, "")
    if tag not in (secret.name, secret.arn):
        what = f"names {tag}" if tag else "is missing"
        raise UserNotBoundError(
            f"User {user.user_id} is not bound to secret {secret.arn}: its tag {BINDING_TAG} "
            f"{what}. One user's password is kept in one secret. To keep it in this one, run `aws "
            f"elasticache add-tags-to-resource --resource-name {user.arn} --tags "
            f"Key={BINDING_TAG},Value={secret.name}`."
        )


def _candidates(
    secret: SecretDescription, current: str, user: User, secrets: SecretsManager
) -> list[str]:
    """Versions whose password may be on a user that is on although AWSCURRENT holds none."""
    if user.authentication != "password":
        # Any password logs in, which no first rotation leaves.
        raise first_rotation.unknown_password(user.user_id, secret.arn)
    candidates = first_rotation.candidates(user.user_id, secret.arn, current, secrets)
    if user.status == "modifying":
        # DescribeUsers shows what the nodes may not have yet.
        raise UserBusyError(f"User {user.user_id} has status modifying.")
    return candidates


def _raise_error_of_create_secret(execution_input: ExecutionInput, version_id: str) -> None:
    """Called last: everything that can be checked is right, so this error is the failure."""
    if execution_input.create_secret_error and version_id == execution_input.version_id:
        raise execution_input.create_secret_error
