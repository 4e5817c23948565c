"""Threads in lockstep, on a clock of their own: what happens next is the test's choice.

An actor is an execution or a rotation of Secrets Manager, with whatever threads it has. It runs
until it parks, which is before each call that changes something and for each sleep, and goes on
when the test lets it. While the test decides, nobody runs.
"""

import heapq
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

_STUCK_SECONDS = 600


@dataclass
class Parked:
    """An actor that waits for its turn; ``due`` is in seconds of the stage's clock."""

    what: str
    due: float
    go: threading.Event = field(default_factory=threading.Event)


class Stage:
    def __init__(self) -> None:
        self.now = 0.0
        self.steps = 0
        self._actor = threading.local()
        self._parked: dict[str, Parked] = {}
        self._running: set[str] = set()
        self._changed = threading.Condition()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    @property
    def actor(self) -> str | None:
        """The actor that the calling thread belongs to; None for the test's own."""
        return getattr(self._actor, "name", None)

    @property
    def parked(self) -> dict[str, str]:
        """What each actor waits to do, in the order of their names."""
        with self._changed:
            return {name: self._parked[name].what for name in sorted(self._parked)}

    def enter(self, name: str) -> None:
        """An actor begins, on a thread that is about to be started."""
        with self._changed:
            self._running.add(name)

    def leave(self, name: str) -> None:
        with self._changed:
            self._running.discard(name)
            self._changed.notify_all()

    @contextmanager
    def acting(self, name: str) -> Iterator[None]:
        before, self._actor.name = self.actor, name
        try:
            yield
        finally:
            self._actor.name = before

    def park(self, what: str, seconds: float = 0) -> None:
        """Wait for a turn; a sleep's comes when its seconds are over. The test never waits."""
        name = self.actor
        if name is None:
            return
        parked = Parked(what, self.now + seconds)
        with self._changed:
            self._parked[name] = parked
            self._running.discard(name)
            self._changed.notify_all()
        parked.go.wait()

    def sleep(self, seconds: float) -> None:
        self.park("sleep", seconds)

    def after(self, seconds: float, work: Callable[..., None], *arguments: Any) -> None:
        due = self.now + seconds
        heapq.heappush(self._timers, (due, next(self._numbers), lambda: work(*arguments)))

    def step(self, name: str) -> None:
        """Let one actor go on until it parks again or ends; time passes if it sleeps."""
        with self._changed:
            parked = self._parked.pop(name)
            self._running.add(name)
        self.steps += 1
        self.pass_time(until=parked.due)
        parked.go.set()
        self.settle()

    def settle(self) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: not self._running, _STUCK_SECONDS):
                raise AssertionError(f"stuck: {self._running}")

    def next(self) -> str | None:
        """The actor whose turn is the earliest; None when all have ended."""
        with self._changed:
            return min(self._parked, key=lambda name: (self._parked[name].due, name), default=None)

    def turn_of(self, name: str) -> float:
        """When the actor's turn is; never, if it has ended."""
        with self._changed:
            return self._parked[name].due if name in self._parked else float("inf")

    def until(self, call: str, only: str | None = None) -> str:
        """Let all go on, or only one, until somebody is about to make the call: who."""
        while True:
            for name, what in self.parked.items():
                if what == call and only in (None, name):
                    return name
            turn = only or self.next()
            assert turn in self.parked, f"nobody makes {call}"
            self.step(turn)

    def run(self, only: str | None = None) -> None:
        """Let all go on, the earliest first, or only one, until they have ended."""
        while (name := only or self.next()) in self.parked:
            self.step(name)

    def pass_time(self, seconds: float = 0, *, until: float = 0) -> None:
        until = max(until, self.now + seconds)
        while self._timers and self._timers[0][0] <= until:
            due, _, work = heapq.heappop(self._timers)
            self.now = max(self.now, due)
            work()
        self.now = until
