"""Secrets Manager's four rotation steps, told by the state machine that does the work."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from rotation.errors import (
    AwsError,
    CrossAccountRotationError,
    InvalidInputError,
    RotationFailedError,
    RotationInProgressError,
    ServiceUnavailableError,
    ThrottlingError,
    VersionNotFoundError,
)
from rotation.secrets_manager import AWSCURRENT, SecretsManager
from rotation.step_functions import Execution, StepFunctions
from rotation.target import Pin, execution_name, is_held

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
#: Left to answer with RotationInProgressError before Lambda kills the function, in seconds.
MARGIN_SECONDS = 15
LOOKS, SECONDS_BETWEEN_LOOKS = 3, 1.0
#: How long a step is begun again while AWS throttles or fails, and the longest wait in between.
PATIENCE_SECONDS, LONGEST_WAIT_SECONDS = 300.0, 20.0

T = TypeVar("T")


@dataclass(frozen=True)
class RotationEvent:
    """What Secrets Manager sends (user guide, "Lambda rotation functions")."""

    step: str
    secret_id: str
    token: str

    @classmethod
    def parse(cls, event: object) -> "RotationEvent":
        """Raises InvalidInputError that names the key, or CrossAccountRotationError."""
        if not isinstance(event, dict):
            event = {}
        if "RotationToken" in event:
            raise CrossAccountRotationError(
                "The event has a RotationToken: the secret is in another account. This function "
                "rotates secrets of its own account; deploy the stack beside the secret."
            )
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
        return cls(event["Step"], event["SecretId"], event["ClientRequestToken"])


@dataclass(frozen=True)
class Attempt:
    """The ``number``-th execution for a token, and what became of it."""

    number: int
    execution: Execution


class RotationSteps:
    """The steps of one rotation.

    Args:
        remaining: seconds until Lambda ends this invocation.
        sleep: as time.sleep.
        chance: as random.random.
    """

    def __init__(
        self,
        secrets: SecretsManager,
        machine: StepFunctions,
        pin: Pin | None,
        *,
        remaining: Callable[[], float],
        sleep: Callable[[float], None],
        chance: Callable[[], float],
    ) -> None:
        self._secrets = secrets
        self._machine = machine
        self._pin = pin
        self._remaining = remaining
        self._sleep = sleep
        self._chance = chance

    def run(self, event: RotationEvent) -> Execution | None:
        """Do a step.

        Returns:
            The execution that stands for the rotation; None if the token is AWSCURRENT already.

        Raises:
            RotationFailedError: the execution failed, was stopped or timed out.
            RotationInProgressError: it has not ended and time runs short; a retry attaches to it.
            SecretNotAllowedError, VersionNotFoundError, SecretNotFoundError, AwsError
        """
        waited, longest = 0.0, 2.0
        while True:
            try:
                return self._run(event)
            except (ThrottlingError, ServiceUnavailableError):
                # No state machine tries this function again, and each step may be repeated.
                pause = self._chance() * longest
                short = self._remaining() < pause + MARGIN_SECONDS
                if waited + pause > PATIENCE_SECONDS or short:
                    raise
            self._sleep(pause)
            waited, longest = waited + pause, min(2 * longest, LONGEST_WAIT_SECONDS)

    def _run(self, event: RotationEvent) -> Execution | None:
        if self._pin:
            self._pin.require_secret(event.secret_id)
        secret = self._secrets.describe(event.secret_id)
        if secret.version_with(AWSCURRENT) == event.token:
            return None
        if event.step == "createSecret":
            return self._create(event)
        latest = self._patiently(lambda: self._latest(event.token))
        if latest is None and event.step == "testSecret":
            return self._dry_run(event)
        if latest is None:
            raise RotationFailedError(
                f"No execution for version {event.token} of secret {secret.arn}: its createSecret "
                "has not run."
            )
        if event.step == "finishSecret":
            return self._finish(event, latest.execution)
        return self._require_not_failed(latest.execution)

    def _create(self, event: RotationEvent) -> Execution:
        latest = self._latest(event.token)
        staged = self._patiently(
            lambda: latest or event.token in self._secrets.describe(event.secret_id).stages
        )
        if not staged:
            raise VersionNotFoundError(
                f"ClientRequestToken {event.token} is not a version of secret {event.secret_id}."
            )
        if latest is None and is_held(event.token, self._machine):
            raise RotationInProgressError(
                f"Another execution rotates secret {event.secret_id} to version {event.token} "
                "already. Secrets Manager's retry will find its outcome."
            )
        return self._start_or_attach(event, event.token, latest)

    def _patiently(self, look: Callable[[], T]) -> T:
        """Look again, for a few seconds: all that AWS tells may lag behind what was done."""
        for _ in range(LOOKS):
            if found := look():
                return found
            self._sleep(SECONDS_BETWEEN_LOOKS)
        return look()

    def _dry_run(self, event: RotationEvent) -> Execution:
        """RotateImmediately=false calls testSecret alone (API reference, RotateSecret)."""
        name = f"{event.token}-dry-run"
        return self._end_of(self._start_or_attach(event, name, self._latest(name), DryRun=True))

    def _finish(self, event: RotationEvent, execution: Execution) -> Execution:
        ended = self._end_of(execution)

        def promoted() -> bool:
            secret = self._secrets.describe(event.secret_id)
            return secret.version_with(AWSCURRENT) == event.token

        if not self._patiently(promoted):
            raise RotationFailedError(
                f"Execution {ended.arn} succeeded, but version {event.token} is not AWSCURRENT: "
                "somebody moved it. Rotate again."
            )
        return ended

    def _latest(self, name: str) -> Attempt | None:
        """Executions are named by token and attempt: a name can be used once in 90 days."""
        found, number = None, 1
        while execution := self._machine.find(execution_name(name, number)):
            found, number = Attempt(number, execution), number + 1
        return found

    def _start_or_attach(
        self, event: RotationEvent, name: str, latest: Attempt | None, **more: Any
    ) -> Execution:
        if latest and latest.execution.status in ("RUNNING", "SUCCEEDED"):
            return latest.execution
        number = latest.number + 1 if latest else 1
        execution_input = {
            "SecretId": event.secret_id,
            "ClientRequestToken": event.token,
            "Attempt": number,
            **more,
        }
        return self._machine.start(execution_name(name, number), execution_input)

    def _end_of(self, execution: Execution) -> Execution:
        waited = 0.0
        while execution.status == "RUNNING":
            pause = min(max(waited / 10, 0.5), 10)
            if self._remaining() < pause + MARGIN_SECONDS:
                raise RotationInProgressError(
                    f"Execution {execution.arn} has not ended yet. Secrets Manager's retry will "
                    "wait on."
                )
            self._sleep(pause)
            waited += pause
            execution = self._machine.find(execution.arn.rsplit(":", 1)[1]) or execution
        return self._require_not_failed(execution)

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
