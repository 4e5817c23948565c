"""What is to be rotated: the execution's input, checked against the secret and the user."""

import os
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from rotation import first_rotation
from rotation.elasticache import ElastiCache
from rotation.errors import (
    ConfigurationError,
    InvalidInputError,
    RotationError,
    RotationInProgressError,
    RotationSupersededError,
    SecretNotAllowedError,
    UserBusyError,
    UserNotBoundError,
    VersionNotFoundError,
    error_named,
)
from rotation.executions import is_attempt, running_execution_for, version_of
from rotation.secrets_manager import (
    AWSCURRENT,
    AWSPENDING,
    AWSPREVIOUS,
    SecretDescription,
    SecretsManager,
)
from rotation.step_functions import StepFunctions
from rotation.user import BINDING_TAG, User, check_rotatable, user_id_of

_ACCEPTED = (
    '{"SecretId": "<name or ARN of the secret>"}, with "DryRun": true beside it to only check'
)


@dataclass(frozen=True)
class ExecutionInput:
    """``token`` is the version that Secrets Manager has staged; None in a run by hand.

    ``create_secret_error`` is why createSecret could not give it a value.
    """

    secret_id: str
    dry_run: bool = False
    token: str | None = None
    create_secret_error: RotationError | None = None

    @classmethod
    def parse(cls, data: object) -> "ExecutionInput":
        """Read an execution's input.

        Raises:
            InvalidInputError: names the key, and what is accepted.
        """

        def wrong(problem: str) -> InvalidInputError:
            return InvalidInputError(f"The execution's input {problem}. Accepted: {_ACCEPTED}.")

        if not isinstance(data, dict):
            raise wrong("is not a JSON object")
        types = {
            "SecretId": str,
            "DryRun": bool,
            "ClientRequestToken": str,
            "Attempt": int,
            "CreateSecretError": dict,
        }
        for key, value in data.items():
            if key not in types:
                raise wrong(f'has a key "{str(key)[:60]}" that is not known')
            if type(value) is not types[key] or value == "":
                raise wrong(f'has a "{key}" of the wrong type')
            if isinstance(value, str) and not value.isprintable():
                raise wrong(f'has a "{key}" with characters that do not print')
        if "SecretId" not in data:
            raise wrong('has no "SecretId"')
        token = data.get("ClientRequestToken")
        if token is not None and not 32 <= len(token) <= 64:
            raise wrong('has a "ClientRequestToken" that is not of 32 to 64 characters')
        failed, error = data.get("CreateSecretError"), None
        if failed is not None:
            try:
                error = error_named(failed["Error"])(str(failed["Cause"]))
            except (KeyError, TypeError):
                raise wrong('has a "CreateSecretError" that is none') from None
        return cls(data["SecretId"], data.get("DryRun", False), token, error)


@dataclass(frozen=True)
class Pin:
    """The one secret and the one user of a pinned stack."""

    secret_arn: str
    username: str

    @classmethod
    def from_env(cls) -> "Pin | None":
        """From SECRET_ARN and USER_NAME, as AWS's own function has them; None if both are empty.

        Raises:
            ConfigurationError: only one of them is set.
        """
        secret_arn, username = os.environ.get("SECRET_ARN", ""), os.environ.get("USER_NAME", "")
        if bool(secret_arn) != bool(username):
            missing = "USER_NAME" if secret_arn else "SECRET_ARN"
            raise ConfigurationError(
                f"Environment variable {missing} is empty. Set SECRET_ARN and USER_NAME, or none."
            )
        return cls(secret_arn, username) if secret_arn else None

    def require_secret(self, secret_arn: str) -> None:
        """Raises SecretNotAllowedError for another secret."""
        if secret_arn != self.secret_arn:
            raise SecretNotAllowedError(
                f"This stack rotates only {self.secret_arn}, not {secret_arn}. Deploy it with "
                "another SecretArn, or without one."
            )


@dataclass(frozen=True)
class Target:
    """The checked target, as it travels between the states: ids and the user's state before.

    ``pending_version_id`` is the version that had AWSPENDING when it was checked, or empty.
    ``first_password_candidates`` are the versions one of whose passwords has to log in, if the
    secret holds no password although the user is on: an earlier first rotation was cut off.
    """

    secret_arn: str
    version_id: str
    current_version_id: str
    pending_version_id: str
    previous_version_id: str
    user_id: str
    username: str
    access_string: str
    authentication: str
    password_count: int
    turn_on: bool
    dry_run: bool
    first_password_candidates: list[str] = field(default_factory=list)

    def to_state(self) -> dict[str, Any]:
        """As JSON of the execution's state, with keys in PascalCase."""
        return {_pascal(name): value for name, value in asdict(self).items()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Target":
        """The inverse of ``to_state``."""
        return cls(**{each.name: state[_pascal(each.name)] for each in fields(cls)})


def check_target(
    execution_input: ExecutionInput,
    execution_arn: str,
    secrets: SecretsManager,
    users: ElastiCache,
    machine: StepFunctions,
    pin: Pin | None,
) -> Target:
    """Everything that can be refused before anything has changed, but for the network.

    Raises:
        SecretError, UserError, RotationInProgressError, AwsError
    """
    secret = secrets.describe(execution_input.secret_id)
    if pin:
        pin.require_secret(secret.arn)
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
    value = secrets.read(secret.arn, current)
    user_id = user_id_of(value, secret.arn)
    if pin and value.username != pin.username:
        raise SecretNotAllowedError(
            f'This stack rotates only the user named "{pin.username}"; secret {secret.arn} names '
            "another."
        )
    user = users.user(user_id)
    check_rotatable(user, value, secret.arn)
    if not pin:
        _check_bound(user, secret, users)
    first_passwords: list[str] = []
    if user.enabled and value.password is None:
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
        pending_version_id=pending or "",
        previous_version_id=secret.version_with(AWSPREVIOUS) or "",
        user_id=user.user_id,
        username=user.name,
        access_string=user.access_string,
        authentication=user.authentication,
        password_count=user.password_count,
        turn_on=not user.enabled,
        dry_run=execution_input.dry_run,
        first_password_candidates=first_passwords,
    )


def without_current(secret_arn: str) -> VersionNotFoundError:
    """The error of a secret that has no value yet."""
    return VersionNotFoundError(
        f"Secret {secret_arn} has no version AWSCURRENT. Give it a value with PutSecretValue."
    )


def require_unchanged(target: Target, secret: SecretDescription) -> None:
    """Raises RotationSupersededError unless both labels are where this run needs them."""
    expected = {AWSCURRENT: target.current_version_id, AWSPENDING: target.version_id}
    for label, version in expected.items():
        found = secret.version_with(label)
        if found != version:
            raise RotationSupersededError(
                f"{label} of secret {secret.arn} was moved during this rotation, from version "
                f"{version} to {found or 'none'}. Rotate again."
            )


def _version_to_make(
    execution_input: ExecutionInput, execution_arn: str, secret: SecretDescription, current: str
) -> str:
    """Secrets Manager's token in an execution that is named after it, or one by hand."""
    token = execution_input.token
    # A copy of such an execution's input, in "New execution" of the console, is a run by hand.
    version = token if token and is_attempt(token, execution_arn) else version_of(execution_arn)
    if version == current:
        raise InvalidInputError(
            f"Version {version} of secret {secret.arn} is AWSCURRENT already: nothing is left to "
            "rotate. Start a new execution."
        )
    return version


def _check_bound(user: User, secret: SecretDescription, users: ElastiCache) -> None:
    tags = users.tags(user.arn)
    if tags.get(BINDING_TAG) not in (secret.name, secret.arn):
        found = f"names {tags[BINDING_TAG]}" if BINDING_TAG in tags else "is missing"
        raise UserNotBoundError(
            f"User {user.user_id} is not bound to secret {secret.arn}: its tag {BINDING_TAG} "
            f"{found}. Bind it with `aws elasticache add-tags-to-resource --resource-name "
            f"{user.arn} --tags Key={BINDING_TAG},Value={secret.name}`."
        )


def _pascal(name: str) -> str:
    return name.title().replace("_", "")
