"""What is to be rotated: the execution's input, checked against the secret and the user."""

import os
import re
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

from rotation.elasticache import ElastiCache
from rotation.errors import (
    ConfigurationError,
    InvalidInputError,
    RotationInProgressError,
    RotationSupersededError,
    SecretNotAllowedError,
    UserNotBoundError,
    VersionNotFoundError,
)
from rotation.secrets_manager import (
    AWSCURRENT,
    AWSPENDING,
    AWSPREVIOUS,
    SecretDescription,
    SecretsManager,
    known_password,
)
from rotation.step_functions import StepFunctions
from rotation.user import BINDING_TAG, User, check_rotatable, user_id_of

_ACCEPTED = (
    '{"SecretId": "<name or ARN of the secret>"}, with "DryRun": true beside it to only check'
)


@dataclass(frozen=True)
class ExecutionInput:
    """``token`` is the version to create; None for an execution that a person starts."""

    secret_id: str
    dry_run: bool = False
    token: str | None = None
    attempt: int = 1

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
        types = {"SecretId": str, "DryRun": bool, "ClientRequestToken": str, "Attempt": int}
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
        return cls(data["SecretId"], data.get("DryRun", False), token, data.get("Attempt", 1))


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

    ``pending_version_id`` is the version that had AWSPENDING when it was checked, or empty: this
    run's own, AWSCURRENT, or that of a run that is no more, whose password is taken over.
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

    def to_state(self) -> dict[str, Any]:
        """As JSON of the execution's state, with keys in PascalCase."""
        return {_pascal(name): value for name, value in asdict(self).items()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Target":
        """The inverse of ``to_state``."""
        return cls(**{field.name: state[_pascal(field.name)] for field in fields(cls)})


def token_of(execution_arn: str) -> str:
    """The version that an execution without a ClientRequestToken makes."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, execution_arn))


def execution_name(token: str, attempt: int) -> str:
    """The name of the ``attempt``-th execution for a token, which a person can look for.

    A caller of RotateSecret may choose a token with characters that no name can have (API
    reference, StartExecution); one derived from it then stands in.
    """
    if not re.fullmatch(r"[A-Za-z0-9_.-]*", token):
        token = str(uuid.uuid5(uuid.NAMESPACE_URL, token))
    return f"{token}-{attempt}"


def is_held(version_id: str, machine: StepFunctions, but_by: str = "") -> bool:
    """Whether a running execution, other than ``but_by``, rotates to that version."""
    others = (arn for arn in machine.running() if arn != but_by)
    return holder(version_id, others) is not None


def holder(version_id: str, execution_arns: Iterable[str]) -> str | None:
    """The execution, of those, that rotates to that version, or None."""
    names = execution_name(version_id, 0).removesuffix("0")
    for arn in execution_arns:
        name = arn.rsplit(":", 1)[1]
        by_secrets_manager = name.startswith(names) and name.removeprefix(names).isdecimal()
        if by_secrets_manager or token_of(arn) == version_id:
            return arn
    return None


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
        raise VersionNotFoundError(
            f"Secret {secret.arn} has no version AWSCURRENT. Give it a value with PutSecretValue."
        )
    token = _token(execution_input, execution_arn, secret, current)
    pending = secret.version_with(AWSPENDING)
    if pending not in (None, current, token) and (
        execution_input.token or is_held(pending, machine, execution_arn)
    ):
        raise RotationInProgressError(
            f"Another rotation of secret {secret.arn} holds AWSPENDING, on version {pending}. Wait "
            "for it to end."
        )
    value = secrets.read(secret.arn, current)
    user_id = user_id_of(value, secret.arn)
    if pin and value.username != pin.username:
        raise SecretNotAllowedError(
            f'This stack rotates only the user named "{pin.username}"; secret {secret.arn} names '
            "another."
        )
    user = users.user(user_id)
    # A run that is no more may have left a password in the pending version, and on the user.
    resumed = pending != current and known_password(secrets, secret.arn, pending) is not None
    check_rotatable(user, value, secret.arn, resumed=resumed)
    if not pin:
        _check_bound(user, secret, users)
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


def _token(
    execution_input: ExecutionInput, execution_arn: str, secret: SecretDescription, current: str
) -> str:
    given = execution_input.token
    # From the execution's own ARN, so that a state that runs again finds its version again.
    token = given or token_of(execution_arn)
    if token == current:
        raise InvalidInputError(
            f"Version {token} of secret {secret.arn} is AWSCURRENT already: nothing is left to "
            "rotate. Start an execution without ClientRequestToken."
        )
    # A first attempt that failed has taken AWSPENDING off its version; the next finds no label.
    if given and given not in secret.stages and execution_input.attempt == 1:
        raise VersionNotFoundError(
            f"ClientRequestToken {given} is not a version of secret {secret.arn}. Start an "
            "execution without ClientRequestToken, or rotate with RotateSecret."
        )
    labels = secret.stages.get(token, frozenset())
    if labels and AWSPENDING not in labels:
        raise InvalidInputError(
            f"Version {token} of secret {secret.arn} is {', '.join(sorted(labels))}: an old "
            "version is not rotated to. Start an execution without ClientRequestToken."
        )
    return token


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
