"""Secrets Manager's rotations, and the rotation function's steps."""

from collections.abc import Iterator

from tools.model.aws import land
from tools.model.looks import never
from tools.model.state import Call, Rotation, Run, State, Step, Version, World

ATTEMPTS = 2


def rotate_secret(s: State) -> Step:
    pending = s.labels.pending
    if pending not in ("", s.labels.current):
        said = "RotateSecret: the previous rotation is not complete, and is tried again"
        return Step(said, s._replace(sm=Rotation("create", pending, 1)))
    token = f"T{s.ghost.tokens + 1}"
    staged = s.note(tokens=s.ghost.tokens + 1)._replace(
        versions=(*s.versions, Version(token)), sm=Rotation("create", token, 1)
    )
    return Step(f"RotateSecret stages {token}", staged.relabelled(pending=token))


def rotation_steps(s: State, w: World) -> Iterator[Step]:
    """What can happen next to the rotation that is under way."""
    phase, token, _, call = s.sm
    if call:
        yield from _called(s, call, w)
    elif phase == "create":
        yield from _create(s, w)
    elif phase == "start":
        yield _start(s)
    elif s.labels.current == token:
        yield from _done(s)
    elif not _mine(s):
        yield from _failed(s, "finishSecret: the execution has failed")
    elif s.left.fault:
        yield from _failed(s.spend("fault"), "finishSecret is cut off")


def _mine(s: State) -> list[Run]:
    return [run for run in s.runs if run.token == s.sm.token and not run.by_hand]


def _done(s: State) -> Iterator[Step]:
    done = s._replace(sm=Rotation())
    yield Step("Secrets Manager: the rotation has succeeded", done)
    if s.labels.pending == s.labels.current:
        # Nobody knows whether it does.
        yield Step("Secrets Manager removes AWSPENDING", done.relabelled(pending=""))


def _failed(s: State, why: str) -> Iterator[Step]:
    if s.sm.attempt < ATTEMPTS:
        again = Rotation("create", s.sm.token, s.sm.attempt + 1)
        yield Step(f"{why}; Secrets Manager tries again", s._replace(sm=again))
    yield Step(f"{why}; Secrets Manager gives up", s._replace(sm=Rotation()))


def _create(s: State, w: World) -> Iterator[Step]:
    """steps.RotationSteps._prepare"""
    token, labels = s.sm.token, s.labels
    views = [("", s)]
    if s.old and s.left.stale:
        views.append((" (labels of a moment ago)", s.spend("stale")._replace(labels=s.old)))
    for stale, view in views:
        text, base = view.text(token), view.text(view.labels.current)
        real = view._replace(labels=labels)
        if view.labels.current == token:
            yield from _done(real)
        elif text is None:
            assert base
            made = Call("put", token, text=base._replace(password=token))
            called = real._replace(sm=s.sm._replace(call=made))
            yield Step(f"createSecret {token} looks{stale}", called)
        elif w.has("create_by_hand") and any(run.id == token for run in s.runs):
            yield from _failed(real, f"createSecret {token}: a run by hand has it")
        elif why := never(view, token, w):
            off = s.sm._replace(call=Call("off", token))
            yield Step(f"createSecret: {token} {why}{stale}", real._replace(sm=off))
        else:
            start = real._replace(sm=s.sm._replace(phase="start"))
            yield Step(f"createSecret: {token} has a value{stale}", start)


def _called(s: State, call: Call, w: World) -> Iterator[Step]:
    what = f"createSecret: {call}"
    after = land(s, call, "createSecret", w).state._replace(sm=s.sm._replace(call=None))
    if call.kind == "off":
        yield from _failed(after, what)
        return
    started = after._replace(sm=after.sm._replace(phase="start"))
    yield Step(what, started)
    if s.left.fault:
        spent, cut = s.spend("fault")._replace(sm=s.sm._replace(call=None)), after.spend("fault")
        yield from _failed(spent.note(cut=True), f"{what}: cut off before")
        yield from _failed(cut.note(cut=True), f"{what}: cut off after")
        # It starts an execution that fails by the error's name.
        failing = _execution(spent, Run("", s.sm.token, False, "close", why="createSecret"))
        yield from _failed(failing, f"{what} fails, and an execution shows it")
    if s.left.late:
        late = s.spend("late")._replace(late=(*s.late, ("createSecret", call)))
        late = late._replace(sm=s.sm._replace(call=None)).note(cut=True)
        yield from _failed(late, f"{what} is under way, and the function is cut off")


def _execution(s: State, run: Run) -> State:
    run = run._replace(id=f"{run.token}-{s.ghost.starts + 1}")
    return s.note(starts=s.ghost.starts + 1)._replace(runs=(*s.runs, run))


def _start(s: State) -> Step:
    """steps.RotationSteps._start"""
    token, waits = s.sm.token, s._replace(sm=s.sm._replace(phase="wait"))
    if _mine(s) or token in s.succeeded:
        return Step(f"createSecret finds the execution of {token}", waits)
    return Step(f"createSecret starts one for {token}", _execution(waits, Run("", token, False)))
