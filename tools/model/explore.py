"""Every interleaving within bounds, breadth first: the first trace of each kind is a shortest."""

import time
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from tools.model.aws import deletions, land, user_steps
from tools.model.people import person_steps
from tools.model.run import by_hand, run_steps
from tools.model.secrets_manager import rotate_secret, rotation_steps
from tools.model.state import Left, State, Step, World, start

Trace = list[str]


class Result(NamedTuple):
    """``found`` has the shortest trace of each kind of violation."""

    states: int
    ends: int
    seconds: float
    found: dict[str, Trace]


def steps(s: State, w: World) -> Iterator[Step]:
    """All that can happen next; first what goes on by itself."""
    for run in s.runs:
        yield from run_steps(s, run, w)
    yield from user_steps(s, w)
    for n, (who, call) in enumerate(s.late):
        rest = s._replace(late=s.late[:n] + s.late[n + 1 :])
        landing = land(rest, call, who, w)
        if landing.state != rest:
            yield Step(f"late, of {who}: {call}", landing.state, landing.wrong)
        yield Step(f"late, of {who}: {call} comes to nothing", rest)
    if s.sm.phase:
        yield from rotation_steps(s, w)
    elif s.left.sm:
        yield rotate_secret(s.spend("sm"))
    if s.left.hand:
        yield by_hand(s.spend("hand"))
    yield from deletions(s)
    yield from person_steps(s, w)


def explore(w: World, *, first: bool = False) -> Result:
    """All states, or as many as show one violation."""
    begin = start(w.bounds)
    came: dict[State, tuple[State, str] | None] = {begin: None}
    queue, found, ends, began = deque([begin]), dict[str, Trace](), 0, time.monotonic()
    rests: dict[State, str] = {}

    def record(kind: str, s: State, *last: str) -> None:
        trace = [*last]
        while step := came[s]:
            s, what = step
            trace.insert(0, what)
        found.setdefault(kind, trace)

    while queue and not (first and found):
        s = queue.popleft()
        logged_in = s.clients_log_in
        for what, new, wrong, by_person in steps(s, w):
            if new.person and new.person.kind != "edit" and new.busy:
                new = new.note(raced=True)
            locked_out = logged_in and not new.clients_log_in
            if not wrong and locked_out and not by_person and not new.ghost.raced:
                wrong = "1: clients are locked out"
            if wrong:
                record(wrong, s, what)
            elif new not in came:
                came[new] = (s, what)
                queue.append(new)
        if _rests(s):
            ends += not s.sm.phase
            key = s._replace(left=Left(), old=None)
            if key not in rests:
                rests[key] = _judge(key, w)
            if wrong := rests[key] or _undisturbed(s, w):
                record(wrong, s)
    return Result(len(came), ends, time.monotonic() - began, found)


def _rests(s: State) -> bool:
    """Nothing is running, unless Secrets Manager is about to retry."""
    retries = s.sm.phase == "create" and s.sm.attempt > 1 and not s.sm.call
    return s.settled and not (s.busy or s.person) and (retries or not s.sm.phase)


def _judge(s: State, w: World) -> str:
    """What is wrong with a state in which nothing is running."""
    if not s.clients_log_in or s.ghost.unknown:
        return ""
    token = s.sm.token
    if token:
        newer = s.text(token) is None or s.created(token) > s.created(s.labels.current)
        undisturbed = newer and not s.ghost.edits and token not in s.ghost.promoted
        if undisturbed and not _goes_on(s, token, w)[1]:
            return "5: Secrets Manager tries again, nothing disturbs it, and it fails"
        return ""
    if not s.ghost.cut and s.labels.pending not in ("", s.labels.current):
        return "3: AWSPENDING is left where nobody works, and blocks the schedule"
    for begin, how in ((by_hand, "started by hand"), (rotate_secret, "of Secrets Manager")):
        now = s
        for _ in range(2):
            now = begin(now).state
            now, good = _goes_on(now, now.runs[-1].token if now.runs else now.sm.token, w)
            if good:
                break
        else:
            return f"3: stuck: no rotation {how} succeeds"
        if not now.clients_log_in:
            return "1: clients are locked out by the next rotation"
    return ""


def _goes_on(s: State, token: str, w: World) -> tuple[State, bool]:
    """Nothing disturbs it. -> (state, whether the token is AWSCURRENT)"""
    while step := next(steps(s, w), None):
        s = step.state
    return s, s.labels.current == token


def _undisturbed(s: State, w: World) -> str:
    """Of runs that nothing disturbs one wins."""
    bounds = w.bounds
    disturbed = bounds.left.stop or bounds.left.late or bounds.left.fault or bounds.left.stale
    if disturbed or any(s.left) or s.sm.phase or s.ghost.unknown or {*bounds.acts} - {"same"}:
        return ""
    return "" if s.ghost.promoted else "6: nothing has disturbed the runs, and none has won"
