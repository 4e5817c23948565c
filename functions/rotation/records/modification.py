"""How long a user has been modifying, and when to describe it next."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from rotation.errors import UserModifyingTooLongError

#: When the user is first described, in seconds from the beginning. A user that no cache uses is
#: active at once, and a change that takes a minute should cost few transitions.
FIRST_LOOKS = (1, 5, 12, 30, 60)
#: Later, a wait is this share of the time waited so far. So the run notices that the user is active
#: at most this share of the modifying time late. ``python -m bench.polling`` compares other rules.
WAIT_SHARE = 0.2
SHORTEST_WAIT_SECONDS = 2
LONGEST_WAIT_SECONDS = 120


def wait_after(seconds: int) -> int:
    """How long to wait until the user is described again, ``seconds`` after the beginning."""
    waits = (look - seconds for look in FIRST_LOOKS if look - seconds >= SHORTEST_WAIT_SECONDS)
    return next(waits, min(round(seconds * WAIT_SHARE), LONGEST_WAIT_SECONDS))


@dataclass(frozen=True)
class Modification:
    """``status`` is the user's; ``seconds`` is how long it has been modifying."""

    started_at: datetime
    status: str
    seconds: int
    wait_seconds: int

    @classmethod
    def begun(cls, now: datetime) -> "Modification":
        """The modification that ModifyUser has just accepted."""
        return cls(now, "modifying", 0, FIRST_LOOKS[0])

    def seen(self, status: str, now: datetime, max_seconds: int, user_id: str) -> "Modification":
        """The modification after the user was described.

        Raises:
            UserModifyingTooLongError: the user is still modifying after ``max_seconds``.
        """
        seconds = max(0, round((now - self.started_at).total_seconds()))
        if status == "modifying" and seconds >= max_seconds:
            raise UserModifyingTooLongError(
                f"User {user_id} has been modifying for {seconds} s; MaxModifyingSeconds is "
                f"{max_seconds}. Check the user's status in the ElastiCache console, or raise "
                "MaxModifyingSeconds."
            )
        wait = max(min(wait_after(seconds), max_seconds - seconds), SHORTEST_WAIT_SECONDS)
        return replace(self, status=status, seconds=seconds, wait_seconds=wait)

    def to_state(self) -> dict[str, Any]:
        """As JSON of the execution's state."""
        return {
            "StartedAt": self.started_at.isoformat(),
            "Status": self.status,
            "Seconds": self.seconds,
            "WaitSeconds": self.wait_seconds,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Modification":
        """The inverse of ``to_state``."""
        return cls(
            datetime.fromisoformat(state["StartedAt"]),
            state["Status"],
            state["Seconds"],
            state["WaitSeconds"],
        )
