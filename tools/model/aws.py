"""What AWS makes of a call, and of time."""

from collections.abc import Iterator
from typing import NamedTuple

from tools.model.state import Call, State, Step, User, Version, World


class Landing(NamedTuple):
    """``answer`` is "ok", or what stands in the way; ``wrong`` what must never happen."""

    state: State
    answer: str = "ok"
    wrong: str = ""


def land(s: State, call: Call, who: str, w: World) -> Landing:
    labels = s.labels
    if call.kind == "put":
        return _put(s, call, w)
    if call.kind == "off":
        return Landing(s.relabelled(pending="") if labels.pending == call.version else s)
    if call.kind == "modify":
        if not s.user.active:
            return Landing(s, "busy")
        has = s.user.has._replace(passwords=call.passwords, on=call.on or s.user.has.on)
        return Landing(s._replace(user=User(False, has)))
    labeled = labels.pending if call.kind == "lock" else labels.current
    if labeled == call.version:
        return Landing(s)
    if call.away not in (None, labeled) or s.text(call.version) is None:
        return Landing(s, "superseded")
    if call.kind == "lock":
        return Landing(s.relabelled(pending=call.version))
    return _promote(s, call, who)


def _put(s: State, call: Call, w: World) -> Landing:
    if s.text(call.version):
        return Landing(s, "exists")
    made = Version(call.version, call.text)
    if w.bounds.staged and Version(call.version) in s.versions:
        versions = tuple(made if each.id == made.id else each for each in s.versions)
    else:
        versions = (*(each for each in s.versions if each.id != made.id), made)
    return Landing(s._replace(versions=versions).relabelled(pending=call.version))


def _promote(s: State, call: Call, who: str) -> Landing:
    text, ghost, wrong = s.text(call.version), s.ghost, ""
    assert text
    if text.password in ghost.been and not ghost.raced:
        wrong = "2: a password is promoted that was AWSCURRENT's before"
    if text.edition < ghost.edition:
        wrong = "4: a person's edit is lost"
    if who in ghost.failed:
        wrong = "2: a version is promoted after its run has ended FAILED"
    s = s.relabelled(current=call.version, previous=s.labels.current)
    s = s.note(
        been=tuple(sorted({*ghost.been, text.password})),
        promoted=tuple(sorted({*ghost.promoted, call.version})),
        late="" if any(run.id == who for run in s.runs) else call.version,
        unknown="",
    )
    return Landing(s._replace(at_edit=()), wrong=wrong)


def user_steps(s: State, w: World) -> Iterator[Step]:
    """A modified user reaches each node, and is active; nodes may be the last."""
    has, by_person = s.user.has, s.user.by_person
    behind = [n for n, node in enumerate(s.nodes) if node != has]
    for n in behind:
        nodes = tuple(has if n == m else node for m, node in enumerate(s.nodes))
        what = f"node {n + 1} has [{', '.join(has.passwords)}]"
        yield Step(what, s._replace(nodes=nodes), by_person=by_person)
    if not s.user.active and (w.bounds.lag or not behind):
        yield Step("the user is active", s._replace(user=s.user._replace(active=True)))


def deletions(s: State) -> Iterator[Step]:
    """Secrets Manager deletes versions without a label, if more than a day old."""
    if s.left.deleted:
        at_work = {s.sm.token, *(run.token for run in s.runs)}
        for version in s.versions[: s.created(s.labels.current)]:
            if version.id not in {*s.labels, *at_work}:
                versions = tuple(each for each in s.versions if each != version)
                yield Step(
                    f"{version.id} is deleted", s.spend("deleted")._replace(versions=versions)
                )
