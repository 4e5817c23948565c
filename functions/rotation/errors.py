"""Every way in which a rotation fails, by name.

The class names are public API: the state machine's ``Retry`` and ``Catch`` lists, the alarms and
``docs/troubleshooting.md`` name them. A message says what was found, where, and what to do. It
never holds a secret's value.

::

    RotationError
    ├── InvalidInputError              the execution's input, or Secrets Manager's event
    ├── ConfigurationError             an environment variable of the function
    ├── CrossAccountRotationError      the secret is in another account
    ├── SecretError
    │   ├── SecretNotFoundError
    │   ├── SecretDeletedError         marked for deletion
    │   ├── SecretFormatError          the JSON in it, or a field of it
    │   ├── SecretNotAllowedError      this stack is pinned to another secret or user
    │   ├── VersionNotFoundError       (transient) no version is AWSCURRENT, yet
    │   └── VersionNotReadableError    (transient) a version that cannot be read yet
    ├── UserError
    │   ├── UserNotFoundError
    │   ├── UserNotBoundError          neither pinned nor tagged `rotation-secret`
    │   ├── UserMismatchError          another username, account, region or partition
    │   ├── UserNotRotatableError      `iam`, or AWS's own `default`
    │   ├── UserDisabledError          `off`, although it has a password
    │   ├── CurrentPasswordUnknownError  the first rotation could lock out clients
    │   ├── UserBusyError              (transient) not `active`: somebody else is modifying it
    │   ├── UserStatusError            `deleting`, or an unknown status
    │   └── UserModifyingTooLongError  longer than MaxModifyingSeconds
    ├── EndpointError
    │   ├── NoEndpointError            no cache uses the user, and the stack requires one
    │   ├── EndpointUnreachableError   (transient)
    │   ├── CertificateError           no TLS, or the certificate could not be verified
    │   ├── AnyPasswordAcceptedError   a made-up password logs in
    │   ├── CurrentPasswordRefusedError  (transient) AWSCURRENT does not log in, before any change
    │   └── PasswordRefusedError       (transient) the new or the current password does not log in
    ├── OutcomeError
    │   ├── RotationInProgressError    another run has AWSPENDING, or this one has not ended yet
    │   ├── RotationSupersededError    a label was moved during the run, or its version is outdated
    │   └── RotationFailedError        the rotation function's error for a failed execution
    ├── UnexpectedError                a bug: any other exception
    └── AwsError
        ├── ThrottlingError            (transient)
        ├── ServiceUnavailableError    (transient) 5xx, timeouts, no connection
        ├── AccessDeniedError
        └── UnexpectedAwsError         an error code that is not known here
"""


class RotationError(Exception):
    """Base of all errors.

    ``remedy`` is what to do after AWS answered with an error code. A ``transient`` error usually
    passes, and its message says for how long it was tried. The state machine retries some others,
    too. ``reported`` is whether a task of the execution already failed with this error.
    """

    remedy = ""
    transient = False

    def __init__(self, *sentence: str, reported: bool = False) -> None:
        super().__init__(*sentence)
        self.reported = reported


class InvalidInputError(RotationError):
    """The execution's input or Secrets Manager's event cannot be used."""


class ConfigurationError(RotationError):
    """An environment variable of the function is missing or cannot be used."""

    remedy = "Check STATE_MACHINE_ARN and the other environment variables of the function."


class CrossAccountRotationError(RotationError):
    """The secret and the rotation function are in different accounts."""


class SecretError(RotationError):
    """The secret cannot be rotated as it is."""


class SecretNotFoundError(SecretError):
    """There is no such secret."""

    remedy = "Give the name or the full ARN of a secret in this account and region."


class SecretDeletedError(SecretError):
    """The secret is marked for deletion."""

    remedy = "Check whether the secret is marked for deletion, or managed by another service."


class SecretFormatError(SecretError):
    """The secret's text is not the JSON object that a rotation needs."""


class SecretNotAllowedError(SecretError):
    """The stack is pinned to another secret or user."""


class VersionNotFoundError(SecretError):
    """The secret has no AWSCURRENT."""

    transient = True


class VersionNotReadableError(SecretError):
    """The version has no readable value yet. Transient: reads are eventually consistent."""

    transient = True


class UserError(RotationError):
    """The user cannot be rotated as it is."""


class UserNotFoundError(UserError):
    """There is no such user."""

    remedy = 'Correct the "user_arn" in the secret.'


class UserNotBoundError(UserError):
    """The user does not name this secret in its tag `rotation-secret`."""


class UserMismatchError(UserError):
    """The user's name, account, region or partition is not the expected one."""


class UserNotRotatableError(UserError):
    """The user cannot have a password: authentication type `iam`, or AWS's own `default`."""


class UserDisabledError(UserError):
    """The user is `off` although it has a password: somebody disabled it."""


class CurrentPasswordUnknownError(UserError):
    """The user is `on` and the secret holds no password: a first one could lock out clients."""


class UserBusyError(UserError):
    """The user, or its group, is being modified by somebody else. Transient."""

    transient = True


class UserStatusError(UserError):
    """The user has a status that does not lead to `active`."""


class UserModifyingTooLongError(UserError):
    """The user has not become active within MaxModifyingSeconds."""


class EndpointError(RotationError):
    """An endpoint of a cache does not answer a login as it should."""


class NoEndpointError(EndpointError):
    """No cache uses the user, and the stack's RequireEndpoints is true."""


class EndpointUnreachableError(EndpointError):
    """No connection, no answer, or a node that is loading. Transient."""

    transient = True


class CertificateError(EndpointError):
    """The endpoint has no TLS, or its certificate could not be verified."""


class AnyPasswordAcceptedError(EndpointError):
    """A made-up password logs in, so a login proves nothing."""


class PasswordRefusedError(EndpointError):
    """A password that has to log in does not. Transient: nodes may lag behind `active`."""

    transient = True


class CurrentPasswordRefusedError(EndpointError):
    """AWSCURRENT does not log in, before any change. Transient: a node may lag."""

    transient = True


class OutcomeError(RotationError):
    """The rotation is in progress, superseded or failed."""


class RotationInProgressError(OutcomeError):
    """Another run has AWSPENDING, or this run's execution has not ended yet."""


class RotationSupersededError(OutcomeError):
    """Somebody else moved a label during this run, or the version can never become AWSCURRENT."""

    remedy = "Another run or a person changed the secret's versions. Rotate again."


class RotationFailedError(OutcomeError):
    """The execution failed, was stopped or timed out."""


class UnexpectedError(RotationError):
    """Any other exception. Its text is left out, because it may quote a value."""


class AwsError(RotationError):
    """A call of an AWS service failed."""


class ThrottlingError(AwsError):
    """Too many requests. Transient."""

    transient = True


class ServiceUnavailableError(AwsError):
    """The service failed, did not answer in time or cannot be reached. Transient."""

    transient = True
    remedy = "A function in a VPC needs a NAT gateway or a VPC endpoint to reach the service."


class AccessDeniedError(AwsError):
    """The function's role, or the policy of the secret's key, does not allow the call."""

    remedy = "Check the role of the function, and the policies of the secret and of its key."


class UnexpectedAwsError(AwsError):
    """The service answered with a code that this project does not know, or cannot be read."""


def error_named(name: str) -> type[RotationError]:
    """The class with that name; raises KeyError if there is none."""
    return {kind.__name__: kind for kind in _with_subclasses(RotationError)}[name]


def _with_subclasses(kind: type[RotationError]) -> list[type[RotationError]]:
    below = (_with_subclasses(subclass) for subclass in kind.__subclasses__())
    return [kind, *(descendant for subclasses in below for descendant in subclasses)]
