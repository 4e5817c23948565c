"""The rotation steps of one secret in memory, on a clock that only sleeping moves."""

from collections.abc import Callable

from rotation.adapters.secrets_manager import AWSCURRENT, AWSPENDING
from rotation.adapters.step_functions import Execution
from rotation.errors import RotationError
from rotation.records.rotation_event import RotationEvent
from rotation.rules.pin import Pin
from rotation.rules.steps import RotationSteps
from tests.unit.fakes import World
from tests.unit.values import (
    CURRENT,
    PENDING,
    PENDING_PASSWORD,
    ROTATION_TOKEN,
    RULES,
    SECRET_ARN,
    secret_text,
)

PENDING_TEXT = secret_text(PENDING_PASSWORD)
#: The input of the first execution for the token.
EXECUTION_INPUT = {"SecretId": SECRET_ARN, "ClientRequestToken": PENDING, "Attempt": 1}


class Rotation:
    """Secrets Manager has staged a version. It has no value before createSecret."""

    def __init__(self, world: World, text: str | None = None) -> None:
        self.secrets, self.machine = world.secrets, world.machine
        self.remaining = 900.0
        self.slept: list[float] = []
        #: What happens during the sleep of that number.
        self.during_sleep: dict[int, Callable[[], object]] = {}
        world.stage(text)

    def step(
        self, step: str, token: str = PENDING, pin: Pin | None = None, random: float = 0.5
    ) -> Execution | None:
        steps = RotationSteps(
            self.secrets,
            self.machine,
            pin,
            look_seconds=60,
            rules=lambda: RULES,
            remaining=lambda: self.remaining,
            sleep=self._sleep,
            random=lambda: random,
        )
        return steps.run(RotationEvent(step, SECRET_ARN, token, ROTATION_TOKEN))

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.remaining -= seconds
        self.during_sleep.get(len(self.slept), lambda: None)()

    def fail(self, call: str, error: RotationError, times: int = 1) -> None:
        """The next calls of one of the two services fail."""
        service = self.machine if hasattr(self.machine, call) else self.secrets
        for _ in range(times):
            service.faults.raise_at(call, error)

    def execution(self, *statuses: str, attempt: int = 1) -> None:
        """An attempt has each of these statuses in turn."""
        self.machine.machine.statuses[f"{PENDING}-{attempt}"] = list(statuses)

    def release(self) -> None:
        self.secrets.labels[PENDING].discard(AWSPENDING)

    def promote(self) -> None:
        self.secrets.texts[PENDING] = PENDING_TEXT
        self.secrets.move_label(SECRET_ARN, AWSCURRENT, to=PENDING, away_from=CURRENT)

    @property
    def locked_version(self) -> str | None:
        return self.secrets.version_with(AWSPENDING)

    def started(self) -> list[str]:
        """The names that StartExecution was called with."""
        return [str(arguments[0]) for arguments in self.machine.faults.called("start")]
