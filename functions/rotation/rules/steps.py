"""Secrets Manager's four rotation steps: createSecret starts an execution, finishSecret waits."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from rotation.adapters.secrets_manager import (
    AWSCURRENT,
    AWSPENDING,
    SecretDescription,
    SecretsManager,
    no_current_error,
)
from rotation.adapters.step_functions import Execution, StepFunctions
from rotation.errors import (
    AwsError,
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
from rotation.records.execution_name import ExecutionName
from rotation.records.password import PasswordRules
from rotation.records.rotation_event import RotationEvent
from rotation.rules.attempts import Attempts
from rotation.rules.executions import execution_by_hand, is_derived, running_execution_for
from rotation.rules.labels import remove_pending, require_promotable
from rotation.rules.late_reads import read_again
from rotation.rules.pin import Pin
from rotation.rules.run_history import waits_for_lambda
from rotation.rules.staging import make_version

#: Reserved to raise RotationInProgressError before Lambda ends the function, in seconds.
MARGIN_SECONDS = 15
#: How long a step is repeated while AWS throttles or fails, and the longest pause.
REPEAT_SECONDS, LONGEST_PAUSE_SECONDS = 600.0, 60.0
#: Until finishSecret first describes the execution itself.
FIRST_DESCRIPTION_SECONDS = 5.0
#: The share of invocations that give way at a time: all at once would fail together later, where
#: Secrets Manager retries few times (docs/limits.md).
GIVE_WAY_SHARE = 0.1

#: A step may be repeated after these, and no state machine retries this function.
REPEATABLE = (ThrottlingError, ServiceUnavailableError, VersionNotReadableError)


class RotationSteps:
    """The steps of one rotation.

    Args:
        rules: reads those of a new password.
        look_seconds: the least time between two descriptions of the execution in finishSecret. All
            rotations of an account share DescribeExecution's 10 or 15 calls a second (Step
            Functions quotas).
        remaining: seconds until Lambda ends this invocation.
        sleep: as time.sleep.
        random: as random.random.
    """

    def __init__(
        self,
        secrets: SecretsManager,
        state_machine: StepFunctions,
        pin: Pin | None,
        *,
        rules: Callable[[], PasswordRules],
        look_seconds: float,
        remaining: Callable[[], float],
        sleep: Callable[[float], None],
        random: Callable[[], float],
    ) -> None:
        self._secrets = secrets
        self._state_machine = state_machine
        self._attempts = Attempts(state_machine, sleep)
        self._pin = pin
        self._rules = rules
        self._look_seconds = look_seconds
        self._remaining = remaining
        self._sleep = sleep
        self._random = random
        self._waited = 0.0  # for the execution

    def run(self, event: RotationEvent) -> Execution | None:
        """Do a step, and repeat it while AWS throttles or fails.

        Returns:
            The execution that does the rotation, if the step has seen it.

        Raises:
            RotationFailedError: the execution failed, was stopped or timed out.
            RotationInProgressError: the execution, or another one, has not ended, and time runs
                short. Secrets Manager's retry continues.
            RotationSupersededError: the version can never be promoted.
            SecretNotAllowedError, SecretFormatError, VersionNotFoundError, SecretNotFoundError,
            AwsError
        """
        waited, longest = 0.0, 2.0
        while True:
            try:
                return self._run(event)
            except REPEATABLE as error:
                pause = self._random() * longest
                no_time = self._remaining() < pause + MARGIN_SECONDS
                if waited + pause > REPEAT_SECONDS or no_time:
                    self._start_failing_execution(event, error)
                    raise
            except (RotationInProgressError, RotationSupersededError, SecretNotAllowedError):
                raise
            except RotationError as error:
                self._start_failing_execution(event, error)
                raise
            self._sleep(pause)
            waited, longest = waited + pause, min(2 * longest, LONGEST_PAUSE_SECONDS)

    def _run(self, event: RotationEvent) -> Execution | None:
        if self._pin:
            self._pin.require_secret(event.secret_id)
        secret = self._secrets.describe(event.secret_id)
        if secret.version_with(AWSCURRENT) == event.version_id:
            return None
        with secret.adding_key_to_denial():
            if event.step == "createSecret":
                return self._create(event, secret)
            dry_run = event.step == "testSecret" and self._is_dry_run(event, secret)
        if event.step == "finishSecret":
            return self._finish(event, secret)
        if dry_run:
            return self._dry_run(event)
        if AWSPENDING in secret.stages.get(event.version_id, ()):
            return None
        # A failed run has removed the label; so has one that is about to succeed.
        return self._attempts.require_not_failed(self._newest(event))

    def _newest(self, event: RotationEvent) -> Execution:
        return self._attempts.newest(event.version_id, event.secret_id)

    # createSecret

    def _create(self, event: RotationEvent, secret: SecretDescription) -> Execution:
        """Make sure that the version has a value, and that an execution rotates to it."""
        self._prepare(event, secret)
        return self._start(event)

    def _start(self, event: RotationEvent, **more_input: Any) -> Execution:
        execution_input = {"SecretId": event.secret_id, "ClientRequestToken": event.version_id}
        name = ExecutionName.first_attempt(event.version_id)
        return self._attempts.start(name, execution_input | more_input)

    def _start_failing_execution(self, event: RotationEvent, error: RotationError) -> None:
        """Have an execution fail with createSecret's error, and remove AWSPENDING.

        Left on a version without an execution, the label would block the secret's schedule.
        """
        if event.step != "createSecret":
            return
        cause = f"{error} The rotation function failed with this in createSecret."
        failure = {"Error": type(error).__name__, "Cause": cause}
        try:
            self._start(event, CreateSecretError=failure)
        except (*REPEATABLE, RotationInProgressError):
            pass  # it may have been started
        except RotationError:
            with suppress(RotationError):
                remove_pending(self._secrets, event.secret_id, event.version_id)

    def _prepare(self, event: RotationEvent, secret: SecretDescription) -> None:
        """Make the version; or, if it has a value, decide whether to continue with it.

        Secrets Manager accepts a version only from its rotation function (user guide, "Lambda
        rotation functions"); the event's RotationToken is the proof.
        """
        version_id = event.version_id
        try:
            with suppress(SecretFormatError):
                self._secrets.read(secret.arn, version_id)
        except VersionNotReadableError:
            current = secret.version_with(AWSCURRENT)
            if current is None:
                raise no_current_error(secret.arn) from None
            rules, token = self._rules(), event.rotation_token
            if make_version(self._secrets, secret.arn, version_id, current, rules, token):
                return
        if by_hand := self._running_by_hand(version_id):
            raise RotationInProgressError(
                f"Execution {by_hand}, started by hand, rotates secret {secret.arn} to version "
                f"{version_id}. Secrets Manager's retry will find its outcome."
            )
        try:
            require_promotable(secret, version_id, self._secrets)
        except RotationSupersededError:
            # Left on, the label would block the secret's schedule.
            remove_pending(self._secrets, secret.arn, version_id)
            raise

    def _running_by_hand(self, version_id: str) -> str | None:
        if is_derived(version_id):
            return running_execution_for(version_id, self._state_machine.running())
        execution = execution_by_hand(version_id, self._state_machine)
        return execution.arn if execution and execution.status == "RUNNING" else None

    # testSecret alone

    def _is_dry_run(self, event: RotationEvent, secret: SecretDescription) -> bool:
        """Whether the pending version holds a copy of AWSCURRENT's value, or no value.

        RotateImmediately=false calls only testSecret, with such a version (API, RotateSecret).
        """
        pending = read_again(lambda: self._text(secret, event.version_id), self._sleep)
        return pending in (None, self._text(secret, secret.version_with(AWSCURRENT)))

    def _text(self, secret: SecretDescription, version_id: str | None) -> str | None:
        """The version's text; None if it cannot be read, or is not valid for a rotation."""
        with suppress(VersionNotReadableError, SecretFormatError):
            return self._secrets.read(secret.arn, version_id or "").text
        return None

    def _dry_run(self, event: RotationEvent) -> Execution:
        name = ExecutionName.first_attempt(event.version_id, dry_run=True)
        execution = self._attempts.start(name, {"SecretId": event.secret_id, "DryRun": True})
        while execution.status == "RUNNING":
            self._pause(f"Execution {execution.arn}")
            execution = self._state_machine.find(execution.name) or execution
        return self._attempts.require_not_failed(execution)

    # finishSecret

    def _finish(self, event: RotationEvent, secret: SecretDescription) -> Execution | None:
        """Wait until AWSCURRENT is on the version.

        The labels may be read often. The execution is described only when they show that it has
        ended, and now and then.
        """
        # A step that is repeated after throttling does not start with frequent descriptions again.
        next_description, interval = self._waited + FIRST_DESCRIPTION_SECONDS, 1.0
        execution: Execution | None = None
        while secret.version_with(AWSCURRENT) != event.version_id:
            pending_removed = AWSPENDING not in secret.stages.get(event.version_id, ())
            if (pending_removed and execution is None) or self._waited >= next_description:
                is_first = execution is None
                execution = self._attempts.require_not_failed(self._newest(event))
                if execution.status == "SUCCEEDED":
                    return self._require_promoted(event, execution)
                if not is_first and self._random() < GIVE_WAY_SHARE:
                    self._give_way(execution)
                # A run that has removed the label usually ends soon.
                interval = (
                    min(2 * interval, self._look_seconds) if pending_removed else self._look_seconds
                )
                next_description = self._waited + interval * (1 + self._random())
            self._pause(f"The execution for version {event.version_id}")
            secret = self._secrets.describe(event.secret_id)
        return execution

    def _give_way(self, execution: Execution) -> None:
        """End this invocation if its execution waits for the concurrency that it uses.

        Raises:
            RotationInProgressError
        """
        waits = False
        with suppress(AwsError):
            history = self._state_machine.history(execution.arn, newest_first=True)
            waits = waits_for_lambda(history)
        if waits:
            raise RotationInProgressError(
                f"Execution {execution.arn} waits for Lambda concurrency, which this invocation "
                "also uses. It ends to make room, and Secrets Manager's retry continues. See "
                "docs/limits.md."
            )

    def _require_promoted(self, event: RotationEvent, execution: Execution) -> Execution:
        def is_promoted() -> bool:
            secret = self._secrets.describe(event.secret_id)
            return secret.version_with(AWSCURRENT) == event.version_id

        if not read_again(is_promoted, self._sleep):
            raise RotationFailedError(
                f"Execution {execution.arn} succeeded, but version {event.version_id} is not "
                "AWSCURRENT: somebody moved the label. Rotate again."
            )
        return execution

    def _pause(self, what: str) -> None:
        """Sleep for a share of the time waited so far.

        Raises:
            RotationInProgressError: too little time is left.
        """
        pause = min(max(self._waited / 10, 0.5), 10)
        if self._remaining() < pause + MARGIN_SECONDS:
            raise RotationInProgressError(
                f"{what} has not ended yet. Secrets Manager's retry continues to wait for it."
            )
        self._sleep(pause)
        self._waited += pause
