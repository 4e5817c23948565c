"""How long a user has been modifying, and how long to wait until the next look."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from rotation.errors import UserModifyingTooLongError

#: The first looks, in seconds from the beginning: a user that no cache uses is active at once, and
#: what takes a minute is worth few transitions.
FIRST_LOOKS = (1, 5, 12, 30, 60)
#: From then on a wait is this share of the time already waited, so that a user is active for at
#: most this share of its modifying time before it is noticed.
#: ``python -m bench.polling`` compares other rules.
WAIT_SHARE = 0.2
SHORTEST_WAIT_SECONDS = 2
LONGEST_WAIT_SECONDS = 120


def wait_after(seconds: int) -> int:
    """How long to wait until the next look, ``seconds`` after the beginning."""
    # A wait of no more than the shortest would be a look that is wasted.
    later = (each - seconds for each in FIRST_LOOKS if each - seconds >= SHORTEST_WAIT_SECONDS)
    return next(later, min(round(seconds * WAIT_SHARE), LONGEST_WAIT_SECONDS))


@dataclass(frozen=True)
class Modification:
    """``status`` is the user's, ``seconds`` how long it has been modifying."""

    started_at: datetime
    status: str
    seconds: int
    wait_seconds: int

    @classmethod
    def begun(cls, now: datetime) -> "Modification":
        """ModifyUser has just been accepted."""
        return cls(now, "modifying", 0, FIRST_LOOKS[0])

    def seen(self, status: str, now: datetime, bound: int, user_id: str) -> "Modification":
        """The user has been looked at.

        Raises:
            UserModifyingTooLongError: it is still modifying, ``bound`` seconds after it began.
        """
        seconds = max(0, round((now - self.started_at).total_seconds()))
        if status == "modifying" and seconds >= bound:
            raise UserModifyingTooLongError(
                f"User {user_id} has been modifying for {seconds} s; the stack's bound is {bound} "
                "s. Look at the user's status in the ElastiCache console, or raise "
                "MaxModifyingSeconds."
            )
        wait = max(min(wait_after(seconds), bound - seconds), SHORTEST_WAIT_SECONDS)
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
