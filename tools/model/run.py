"""One execution of the state machine: each function looks, at one instant, and then calls."""

from collections.abc import Iterator

from tools.model.aws import land
from tools.model.looks import ALREADY, LOOKS, failed, locked, promoted
from tools.model.state import Call, Run, State, Step, World

#: Where a function that is run again looks.
FUNCTION = {"put!": "generate", "lock!": "generate", "off!": "promote"}


def by_hand(s: State) -> Step:
    token = f"H{s.ghost.hands + 1}"
    started = s.note(hands=s.ghost.hands + 1)._replace(runs=(*s.runs, Run(token, token, True)))
    return Step(f"{token} is started by hand", started)


#: Those that ask for the labels.
SEE_LABELS = ("check", "generate", "modify", "promote", "close")

#: Those that are tried again where the labels may be old.
RETRIED = ("generate", "modify", "promote")


def _ended(s: State, run: Run, status: str) -> tuple[State, str]:
    s, wrong = s.without_run(run), ""
    if status == "SUCCEEDED":
        if run.token not in s.ghost.promoted:
            wrong = "2: a run reads SUCCEEDED whose version never was AWSCURRENT"
        if not run.by_hand:
            s = s._replace(succeeded=tuple(sorted({*s.succeeded, run.token})))
        return s, wrong
    # Known (docs/reliability.md): a stopped execution's promotion has landed, or labels are old.
    known = s.ghost.late == run.token or run.why == ALREADY
    if s.labels.current == run.token and not (known or s.ghost.raced):
        wrong = "2: a run reads FAILED whose version is AWSCURRENT"
    return s.note(failed=tuple(sorted({*s.ghost.failed, run.id}))), wrong


def _looked(s: State, run: Run, w: World) -> Iterator[Step]:
    views = [("", s)]
    if s.old and s.left.stale and run.at in SEE_LABELS:
        views.append((" (labels of a moment ago)", s._replace(labels=s.old)))
    for stale, view in views:
        look = LOOKS[run.at](view, run, w)
        if look is None or (stale and look == LOOKS[run.at](s, run, w)):
            continue
        said, new = look
        what, real = f"{run.id}: {said}{stale}", s.spend("stale") if stale else s
        if isinstance(new, str):
            yield Step(what, *_ended(real, run, new))
            continue
        real = real.with_run(new)
        if run.at in RETRIED and new.why:
            # The state has been tried again for longer than labels lag behind.
            if stale:
                continue
            real = real._replace(old=None)
        if stale and new.call:
            # A look is less old than a wait is longer than a function.
            flight = (new.id, new.call)
            real = real._replace(
                runs=tuple(
                    each._replace(late=(*each.late, flight)) if each.waits else each
                    for each in real.runs
                )
            )
        if run.waits:
            real = real._replace(old=None)
        yield Step(what, real)


def _answered(s: State, run: Run, answer: str, w: World) -> tuple[State, str]:
    """What the run makes of the answer to its call."""
    at, call = run.at, run.call
    assert call
    if answer == "busy":
        return s.with_run(run._replace(at="modify", call=None)), ""
    if answer == "superseded":
        return s.with_run(failed(s, run, "superseded", w)), ""
    if answer == "exists" and call.away != run.token:
        return s.with_run(run.calls("lock!", Call("lock", run.token, call.away))), ""
    if at in ("put!", "lock!"):
        return s.with_run(locked(s, run, w)), ""
    if at == "modify!":
        return s.with_run(run._replace(at="test", call=None)), ""
    if at == "promote!":
        return s.with_run(promoted(run, w)), ""
    return _ended(s, run, "FAILED" if run.why else "SUCCEEDED")


def _called(s: State, run: Run, call: Call, w: World) -> Iterator[Step]:
    what = f"{run.id}: {call}"
    landing = land(s, call, run.id, w)
    said = "" if landing.answer == "ok" else f": {landing.answer}"
    after, wrong = _answered(landing.state, run, landing.answer, w)
    yield Step(f"{what}{said}", after, landing.wrong or wrong)
    if s.left.fault:
        spent = s.spend("fault")
        landing = land(spent, call, run.id, w)
        counted = landing.state if landing.answer == "ok" else spent
        for state, lost in ((spent, " fails"), (counted, " counts, and its answer is lost")):
            yield Step(f"{what}{lost}", *_lost(state, run, w))
    if s.left.late:
        again = run._replace(at=FUNCTION.get(run.at, run.at.removesuffix("!")), call=None)
        # AWSPENDING that comes late may be left on a version that nobody works on.
        late = s.spend("late")._replace(late=(*s.late, (run.id, call)))
        late = late.note(cut=s.ghost.cut or call.kind in ("put", "lock"))
        yield Step(f"{what} is under way, and the function is run again", late.with_run(again))
        if s.left.stop:
            stopped = late.spend("stop").without_run(run).note(cut=True)
            yield Step(f"{what} is under way, and {run.id} is stopped", stopped)


def _lost(s: State, run: Run, w: World) -> tuple[State, str]:
    if run.at == "off!":
        return _ended(s.note(cut=True), run, "SUCCEEDED")
    if run.at == "close!":
        # Rotation Not Closed: it says that it does not know.
        return s.without_run(run).note(cut=True), ""
    return s.with_run(failed(s, run, "a call failed", w)), ""


def run_steps(s: State, run: Run, w: World) -> Iterator[Step]:
    """All that can happen next to a run."""
    if run.call:
        yield from _called(s, run, run.call, w)
    else:
        yield from _looked(s, run, w)
        if s.left.fault and run.at in ("check", "network", "test"):
            lost = failed(s, run, "a call failed", w)
            yield Step(f"{run.id}: {run.at} fails", s.spend("fault").with_run(lost))
    if s.left.stop:
        stopped = s.spend("stop").without_run(run).note(cut=True)
        yield Step(f"{run.id} is stopped before {run.call or run.at}", stopped)
