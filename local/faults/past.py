"""What a service would have answered before: reads of it are eventually consistent."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")

#: A state of a service, to be compared, and what answers requests as it did in that state.
Moment = tuple[Any, Callable[..., T]]
_MOST_STATES = 200


class Past(Generic[T]):
    """The different states that a service was seen in."""

    def __init__(self, now: Callable[[], Moment[T]], same: Callable[[T, T], bool]) -> None:
        """`now` is the present state, `same` whether two answers say the same."""
        self._now, self._same = now, same
        self._seen: deque[Moment[T]] = deque(maxlen=_MOST_STATES)
        self._lock = threading.Lock()

    def see(self) -> None:
        """Keeps the present state, if it is another one than the last."""
        with self._lock:
            moment = self._now()
            if not self._seen or self._seen[-1][0] != moment[0]:
                self._seen.append(moment)

    def answer(self, now: T, *request: Any) -> T:
        """The last answer to the request that was another one than now; now's if none was."""
        with self._lock:
            seen = list(self._seen)
        answers = (answer(*request) for _, answer in reversed(seen))
        return next((each for each in answers if not self._same(each, now)), now)
