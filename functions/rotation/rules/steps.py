"""Secrets Manager's four rotation steps: one makes the version, a state machine does the rest."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any, TypeVar

from rotation.adapters.secrets_manager import (
    AWSCURRENT,
    AWSPENDING,
    SecretDescription,
    SecretsManager,
    without_current,
)
from rotation.adapters.step_functions import Execution, StepFunctions
from rotation.errors import (
    AwsError,
    CrossAccountRotationError,
    InvalidInputError,
    RotationError,
    RotationFailedError,
    RotationInProgressError,
    RotationSupersededError,
    SecretFormatError,
    SecretNotAllowedError,
    ServiceUnavailableError,
    ThrottlingError,
    VersionNotReadableError,
)
from rotation.records.password import PasswordRules
from rotation.rules.executions import (
    dry_run_of,
    execution_by_hand,
    execution_name,
    is_derived,
    newest_execution,
    running_execution_for,
)
from rotation.rules.pin import Pin
from rotation.rules.staging import make_version, remove_pending, require_promotable

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
#: Left to answer with RotationInProgressError before Lambda kills the function, in seconds.
MARGIN_SECONDS = 15
LOOKS, SECONDS_BETWEEN_LOOKS = 3, 1.0
#: How long a step is begun again while AWS throttles or fails, and the longest wait in between.
PATIENCE_SECONDS, LONGEST_WAIT_SECONDS = 600.0, 60.0
#: Until finishSecret first asks for the execution itself.
FIRST_LOOK_SECONDS = 5.0
#: The share of those that give way to their execution at a look. All at once would come back all at
#: once, and fail together where Secrets Manager tries few times (docs/limits.md, "Concurrency").
GIVING_WAY = 0.1

TO_BE_TRIED_AGAIN = (ThrottlingError, ServiceUnavailableError, VersionNotReadableError)

#: PutSecretValue's RotationToken (API reference).
_ROTATION_TOKEN = re.compile(r"[a-zA-Z0-9-]{36,256}")

T = TypeVar("T")


@dataclass(frozen=True)
class RotationEvent:
    """What Secrets Manager sends (user guide, "Rotation by Lambda function").

    ``rotation_token`` is another one in each step, and sensitive: PutSecretValue alone gets it.
    Empty in an event that a person has made.
    """

    step: str
    secret_id: str
    token: str
    rotation_token: str = field(default="", repr=False)

    @classmethod
    def parse(cls, event: object, account: str) -> "RotationEvent":
        """Read an event; ``account`` is the function's own.

        Raises:
            InvalidInputError: names the key.
            CrossAccountRotationError: the secret is in another account.
        """
        if not isinstance(event, dict):
            event = {}
        for key in ("Step", "SecretId", "ClientRequestToken"):
            value = event.get(key)
            # Lone surrogates do not print, and end what has to be UTF-8.
            if not isinstance(value, str) or not value or not value.isprintable():
                raise InvalidInputError(
                    f'The event has no "{key}". This function is called by Secrets Manager; to '
                    "rotate by hand, start an execution of the state machine."
                )
        if event["Step"] not in STEPS:
            raise InvalidInputError(f'The event\'s "Step" is none of {", ".join(STEPS)}.')
        proof = event.get("RotationToken", "")
        if proof and not (isinstance(proof, str) and _ROTATION_TOKEN.fullmatch(proof)):
            raise InvalidInputError(
                'The event\'s "RotationToken" is not of 36 to 256 letters, digits and hyphens.'
            )
        in_arn = event["SecretId"].split(":")[4:5]
        if in_arn and in_arn != [account]:
            raise CrossAccountRotationError(
                f"Secret {event['SecretId']} is in another account than this function, which is in "
                f"{account}. Deploy the stack beside the secret."
            )
        return cls(event["Step"], event["SecretId"], event["ClientRequestToken"], proof)


class RotationSteps:
    """The steps of one rotation.

    Args:
        rules: reads those of a new password.
        look_seconds: after how long at least finishSecret asks for the execution itself again. All
            rotations of an account share DescribeExecution's 10 or 15 calls a second (Step
            Functions quotas).
        remaining: seconds until Lambda ends this invocation.
        sleep: as time.sleep.
        random: as random.random.
    """

    def __init__(
        self,
        secrets: SecretsManager,
        machine: StepFunctions,
        pin: Pin | None,
        *,
        rules: Callable[[], PasswordRules],
        look_seconds: float,
        remaining: Callable[[], float],
        sleep: Callable[[float], None],
        random: Callable[[], float],
    ) -> None:
        self._secrets = secrets
        self._machine = machine
        self._pin = pin
        self._rules = rules
        self._look_seconds = look_seconds
        self._remaining = remaining
        self._sleep = sleep
        self._random = random
        self._waited = 0.0  # for the execution

    def run(self, event: RotationEvent) -> Execution | None:
        """Do a step.

        Returns:
            The execution that stands for the rotation, where the step has seen it.

        Raises:
            RotationFailedError: the execution failed, was stopped or timed out.
            RotationInProgressError: it has not ended and time runs short, or another one is at
                work; a retry attaches to it.
            RotationSupersededError: the token's version can never be promoted.
            SecretNotAllowedError, SecretFormatError, VersionNotFoundError, SecretNotFoundError,
            AwsError
        """
        waited, longest = 0.0, 2.0
        while True:
            try:
                return self._run(event)
            except TO_BE_TRIED_AGAIN as error:
                # No state machine tries this function again, and each step may be repeated.
                pause = self._random() * longest
                short = self._remaining() < pause + MARGIN_SECONDS
                if waited + pause > PATIENCE_SECONDS or short:
                    if event.step == "createSecret":
                        self._show(event, error)
                    raise
            except (RotationInProgressError, RotationSupersededError, SecretNotAllowedError):
                raise
            except RotationError as error:
                if event.step == "createSecret":
                    self._show(event, error)
                raise
            self._sleep(pause)
            waited, longest = waited + pause, min(2 * longest, LONGEST_WAIT_SECONDS)

    def _run(self, event: RotationEvent) -> Execution | None:
        if self._pin:
            self._pin.require_secret(event.secret_id)
        secret = self._secrets.describe(event.secret_id)
        if secret.version_with(AWSCURRENT) == event.token:
            return None
        with secret.naming_key():
            if event.step == "createSecret":
                return self._create(event, secret)
            dry_run = event.step == "testSecret" and self._is_dry_run(event, secret)
        if event.step == "finishSecret":
            return self._finish(event, secret)
        if dry_run:
            return self._dry_run(event)
        if AWSPENDING in secret.stages.get(event.token, ()):
            return None
        # A failed run has taken it off; so does one that is about to succeed, a moment later.
        return self._require_not_failed(self._newest(event))

    # createSecret

    def _create(self, event: RotationEvent, secret: SecretDescription) -> Execution:
        """See that the token's version has a value, and that an execution is at work on it."""
        self._prepare(event, secret)
        return self._start(event.token, self._input(event))

    def _show(self, event: RotationEvent, error: RotationError) -> None:
        """Start an execution that fails by the same name, and takes AWSPENDING off.

        Left on a version that nobody works on, the label would block the secret's schedule.
        """
        cause = f"{error} It was the rotation function that met this, in createSecret."
        failed = {"Error": type(error).__name__, "Cause": cause}
        try:
            self._start(event.token, self._input(event) | {"CreateSecretError": failed})
        except (*TO_BE_TRIED_AGAIN, RotationInProgressError):
            pass  # it may have been started
        except RotationError:
            with suppress(RotationError):
                remove_pending(self._secrets, event.secret_id, event.token)

    def _prepare(self, event: RotationEvent, secret: SecretDescription) -> None:
        """Make the version, or ask of one that has a value whether to go on with it.

        Secrets Manager accepts a version from its rotation function alone (user guide, "Lambda
        rotation functions"), and the event's RotationToken is the proof.
        """
        try:
            with suppress(SecretFormatError):
                self._secrets.read(secret.arn, event.token)
        except VersionNotReadableError:
            current = secret.version_with(AWSCURRENT)
            if current is None:
                raise without_current(secret.arn) from None
            proof, rules = event.rotation_token, self._rules()
            if make_version(self._secrets, secret.arn, event.token, current, rules, proof):
                return
        if by_hand := self._by_hand(event.token):
            raise RotationInProgressError(
                f"Execution {by_hand}, started by hand, rotates secret {secret.arn} to version "
                f"{event.token}. Secrets Manager's retry will find its outcome."
            )
        try:
            require_promotable(secret, event.token, self._secrets)
        except RotationSupersededError:
            # Left on, the label would block the secret's schedule for ever.
            remove_pending(self._secrets, secret.arn, event.token)
            raise

    def _by_hand(self, token: str) -> str | None:
        """The running execution by hand that makes the version."""
        if is_derived(token):
            return running_execution_for(token, self._machine.running())
        execution = execution_by_hand(token, self._machine)
        return execution.arn if execution and execution.status == "RUNNING" else None

    @staticmethod
    def _input(event: RotationEvent) -> dict[str, Any]:
        return {"SecretId": event.secret_id, "ClientRequestToken": event.token}

    # testSecret alone

    def _is_dry_run(self, event: RotationEvent, secret: SecretDescription) -> bool:
        """Whether the pending version holds a copy of AWSCURRENT's value, or none.

        RotateImmediately=false calls testSecret alone, on a temporary version (API reference,
        RotateSecret).
        """
        pending = self._patiently(lambda: self._text(secret, event.token))
        return pending in (None, self._text(secret, secret.version_with(AWSCURRENT)))

    def _text(self, secret: SecretDescription, version_id: str | None) -> str | None:
        """The version's text; None without one that can be read, or that is for a rotation."""
        with suppress(VersionNotReadableError, SecretFormatError):
            return self._secrets.read(secret.arn, version_id or "").text
        return None

    def _dry_run(self, event: RotationEvent) -> Execution:
        given = {"SecretId": event.secret_id, "DryRun": True}
        execution = self._start(dry_run_of(event.token), given)
        while execution.status == "RUNNING":
            self._pause(execution.arn)
            execution = self._machine.find(execution.arn.rsplit(":", 1)[1]) or execution
        return self._require_not_failed(execution)

    # finishSecret

    def _finish(self, event: RotationEvent, secret: SecretDescription) -> Execution | None:
        """Wait until AWSCURRENT is on the token.

        Labels may be asked for often; the execution only where they show that it has ended, and
        now and then.
        """
        # Begun again where AWS throttles, it does not look as often again as at first.
        next_look, between = self._waited + FIRST_LOOK_SECONDS, 1.0
        execution: Execution | None = None
        while secret.version_with(AWSCURRENT) != event.token:
            pending_removed = AWSPENDING not in secret.stages.get(event.token, ())
            if (pending_removed and execution is None) or self._waited >= next_look:
                first_look = execution is None
                execution = self._require_not_failed(self._newest(event))
                if execution.status == "SUCCEEDED":
                    return self._require_promoted(event, execution)
                if not first_look and self._random() < GIVING_WAY:
                    self._give_way(execution)
                # A run that has let go of the label is about to end, as a rule.
                between = (
                    min(2 * between, self._look_seconds) if pending_removed else self._look_seconds
                )
                next_look = self._waited + between * (1 + self._random())
            self._pause(event.token)
            secret = self._secrets.describe(event.secret_id)
        return execution

    def _give_way(self, execution: Execution) -> None:
        """End this invocation where it takes the concurrency that its own execution waits for.

        Raises:
            RotationInProgressError
        """
        waits = False
        with suppress(AwsError):
            waits = self._machine.waits_for_lambda(execution.arn)
        if waits:
            raise RotationInProgressError(
                f"Execution {execution.arn} waits for Lambda concurrency, of which this invocation "
                "takes a part. Secrets Manager's retry will wait on. See docs/limits.md."
            )

    def _require_promoted(self, event: RotationEvent, execution: Execution) -> Execution:
        def promoted() -> bool:
            secret = self._secrets.describe(event.secret_id)
            return secret.version_with(AWSCURRENT) == event.token

        if not self._patiently(promoted):
            raise RotationFailedError(
                f"Execution {execution.arn} succeeded, but version {event.token} is not "
                "AWSCURRENT: somebody moved it. Rotate again."
            )
        return execution

    # Executions

    def _start(self, name: str, given: dict[str, Any]) -> Execution:
        """Start the next attempt, or find the one that runs or has succeeded.

        A name can be used once in 90 days (API reference, StartExecution).
        """
        for number in count(1):
            attempt = execution_name(name, number)
            if started := self._machine.start(attempt, {**given, "Attempt": number}):
                return started
            taken = self._patiently(partial(self._machine.find, attempt))
            if taken is None:
                raise RotationInProgressError(
                    f"Execution {attempt} has been started, and is not to be seen yet. Secrets "
                    "Manager's retry will find it."
                )
            if taken.status in ("RUNNING", "SUCCEEDED"):
                return taken
        raise AssertionError("numbers do not end")

    def _newest(self, event: RotationEvent) -> Execution:
        """The newest execution for the token. A failed one may be an older one, seen late."""
        look = partial(newest_execution, event.token, self._machine)
        found = self._patiently(look)
        if found is None:
            raise RotationFailedError(
                f"No execution for version {event.token} of secret {event.secret_id}: its "
                "createSecret has not run."
            )
        for _ in range(LOOKS):
            if found.status in ("RUNNING", "SUCCEEDED"):
                break
            self._sleep(SECONDS_BETWEEN_LOOKS)
            found = look() or found
        return found

    def _require_not_failed(self, execution: Execution) -> Execution:
        if execution.status in ("RUNNING", "SUCCEEDED"):
            return execution
        state = None
        # The state is an addition: what failed is known without it.
        with suppress(AwsError):
            state = self._machine.failed_state(execution.arn)
        how = f"{execution.status} in state {state}" if state else execution.status
        why = f": {execution.error}. {execution.cause}" if execution.error else "."
        raise RotationFailedError(f"The rotation {how}{why} Execution: {execution.arn}")

    # Time

    def _pause(self, what: str) -> None:
        """Sleep for a share of the time waited.

        Raises:
            RotationInProgressError: the time that is left is too short.
        """
        pause = min(max(self._waited / 10, 0.5), 10)
        if self._remaining() < pause + MARGIN_SECONDS:
            raise RotationInProgressError(
                f"The execution for {what} has not ended yet. Secrets Manager's retry will wait on."
            )
        self._sleep(pause)
        self._waited += pause

    def _patiently(self, look: Callable[[], T]) -> T:
        """Look again, for a few seconds: all that AWS tells may lag behind what was done."""
        for _ in range(LOOKS):
            if found := look():
                return found
            self._sleep(SECONDS_BETWEEN_LOOKS)
        return look()
