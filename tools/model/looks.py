"""What each function of an execution makes of what it sees, at one instant.

Each is called with the state, the run and the world; it changes nothing but the run.
"""

from collections.abc import Callable

from tools.model.state import Call, Run, State, World

#: What a look leads to: the run as it goes on, or the status that it ends with. None: look again.
Look = tuple[str, Run | str] | None


def never(s: State, token: str, w: World) -> str:
    """labels.require_promotable: why a version with a value can never be promoted."""
    version, current = s.text(token), s.text(s.labels.current)
    if w.has("previous") and s.labels.previous == token:
        return "is AWSPREVIOUS"
    if w.has("text") and version and current and version.edition != current.edition:
        return "has another text than AWSCURRENT"
    if w.has("older") and s.created(token) < s.created(s.labels.current):
        return "is older than AWSCURRENT"
    return ""


def failed(s: State, run: Run, why: str, w: World) -> Run:
    """The Catch of the state that the run is in."""
    late = run.at.startswith("promote") and w.has("close_waits")
    return run._replace(
        at="late" if late else "close",
        call=None,
        waits=late,
        late=s.flights(run.id) if late else (),
        why=why,
    )


#: Check Target has found that nothing is left to rotate.
ALREADY = "AWSCURRENT already"


def _fail(s: State, run: Run, why: str, w: World) -> Look:
    return f"{run.at}: {why}", failed(s, run, why, w)


def check(s: State, run: Run, w: World) -> Look:
    """target_check.check_target"""
    current, pending = s.labels.current, s.labels.pending
    if current == run.token:
        return _fail(s, run, ALREADY, w)
    others = [each.token for each in s.runs if each.id != run.id]
    if pending not in ("", current, run.token) and pending in others:
        return _fail(s, run, "another run has AWSPENDING", w)
    on = s.user.has.on
    if on and not s.password(current) and w.has("first_logs_in") and not s.user.active:
        return None
    new = run._replace(at="network", seen=current, lock=pending, turn_on=not on)
    return f"Check Target sees AWSCURRENT {current}, AWSPENDING {pending or 'nowhere'}", new


def network(s: State, run: Run, w: World) -> Look:
    """check_endpoint: logins.check_current_password and first_rotation"""
    password, go_on = s.password(run.seen), run._replace(at="generate")
    if run.turn_on:
        return "Check Network", go_on
    if password:
        if not w.has("current_logs_in") or s.lets_in(password):
            return "Check Network: AWSCURRENT logs in", go_on
    elif not w.has("first_logs_in"):
        return "Check Network", go_on
    else:
        ids = [each.id for each in reversed(s.versions)]
        for version in ids if w.has("first_any_version") else [s.labels.pending]:
            if s.password(version) and s.lets_in(s.password(version)):
                return f"Check Network: {version} logs in", go_on._replace(proven=version)
    return _fail(s, run, "no password logs in", w) if s.settled else None


def generate(s: State, run: Run, w: World) -> Look:
    """staging.stage_version"""
    pending, text = s.labels.pending, s.text(run.token)
    if pending not in ("", run.token, run.lock):
        return _fail(s, run, "AWSPENDING was moved", w)
    if text is None:
        base = s.text(run.seen)
        if base is None or not run.by_hand:
            return _fail(s, run, "there is no value", w)
        made = base._replace(password=run.token)
        return "Generate Password looks", run.calls("put!", Call("put", run.token, pending, made))
    if why := never(s, run.token, w):
        return _fail(s, run, why, w)
    if pending == run.token:
        return "Generate Password: has AWSPENDING", locked(s, run, w)
    return "Generate Password looks", run.calls("lock!", Call("lock", run.token, pending))


def locked(s: State, run: Run, w: World) -> Run:
    """earlier_runs.seconds_until_earlier_runs_end"""
    late, waits = s.flights(run.id), w.has("wait")
    others = [each.id for each in s.versions if each.id not in (run.token, run.seen)]
    since = s.created(run.seen)
    newer = any(s.created(each) > since for each in others)
    runs = any(each.token == run.seen for each in s.runs)
    if since >= 0 and not newer and not runs:
        # Until AWSCURRENT's run, or the person who made it, is long enough ago.
        before = [each for each in late if each[0].split("-")[0] == run.seen or each in s.at_edit]
        late = tuple(before) if others else ()
        waits = waits and bool(late)
    return run._replace(at="wait", call=None, waits=waits, late=late if waits else ())


def wait(s: State, run: Run, w: World) -> Look:
    """Wait For Earlier Runs, and Wait For Promotion: what was under way has landed."""
    if set(run.late) & set(s.flights(run.id)):
        return None
    return "waits", run._replace(at="modify" if run.at == "wait" else "close", waits=False, late=())


def _unchanged(s: State, run: Run, pending: bool, current: bool, w: World) -> str:
    """labels.require_unchanged"""
    if pending and s.labels.pending != run.token:
        return "AWSPENDING was moved"
    if current and s.labels.current != run.seen:
        seen, now = s.text(run.seen), s.text(s.labels.current)
        if not w.has("equal_current") or seen != now or s.labels.current == run.token:
            return "AWSCURRENT was moved"
    return ""


def modify(s: State, run: Run, w: World) -> Look:
    if why := _unchanged(s, run, w.has("modify_pending"), w.has("modify_current"), w):
        return _fail(s, run, why, w)
    current = s.labels.current if w.has("modify_current") else run.seen
    new = s.password(run.token)
    if not new:
        return _fail(s, run, "the version is gone", w)
    beside = s.password(current) or s.password(run.proven)
    passwords = (new,) if beside in ("", new) else (new, beside)
    call = Call("modify", run.token, passwords=passwords, on=run.turn_on)
    return "Modify User looks", run.calls("modify!", call)


def test(s: State, run: Run, w: World) -> Look:
    """log_in, on one node after the other"""
    if not s.user.active:
        return None
    node = s.nodes[run.node]
    needed = {s.password(run.token), s.password(run.seen) or s.password(run.token)}
    if node.on and needed <= set(node.passwords):
        last = run.node + 1 == len(s.nodes)
        new = run._replace(at="promote", node=0) if last else run._replace(node=run.node + 1)
        return f"Test Authentication: logs in on node {run.node + 1}", new
    return _fail(s, run, "refused", w) if node == s.user.has else None


def promote(s: State, run: Run, w: World) -> Look:
    if s.labels.current == run.token:
        return "Promote Version: is AWSCURRENT", promoted(run, w)
    if why := _unchanged(s, run, w.has("promote_pending"), True, w) or never(s, run.token, w):
        return _fail(s, run, why, w)
    away = s.labels.current if w.has("promote_swap") else None
    return "Promote Version looks", run.calls("promote!", Call("promote", run.token, away))


def promoted(run: Run, w: World) -> Run:
    if not w.has("off_after_success"):
        return run._replace(at="end", call=None)
    return run.calls("off!", Call("off", run.token))


def close(s: State, run: Run, w: World) -> Look:
    """closing.close"""
    if run.by_hand and not run.seen:
        return "Close Rotation", "FAILED"
    promoted = w.has("close_looks") and s.labels.current == run.token
    run = run._replace(why="" if promoted else run.why)
    said = "Close Rotation: promoted after all" if promoted else "Close Rotation looks"
    if not w.has("off_after_failure"):
        return said, run._replace(at="end")
    return said, run.calls("close!", Call("off", run.token))


def end(s: State, run: Run, w: World) -> Look:
    status = "FAILED" if run.why else "SUCCEEDED"
    return status, status


_FUNCTIONS = (check, network, generate, wait, modify, test, promote, close, end)
LOOKS: dict[str, Callable[[State, Run, World], Look]] = {
    **{function.__name__: function for function in _FUNCTIONS},
    "late": wait,
}
