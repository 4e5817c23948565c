"""What a person does to the secret and the user, while a run is running or not."""

from collections.abc import Iterator

from tools.model.state import Act, Node, State, Step, Text, User, Version, World

#: What a person does to a secret whose password stays.
FIELDS = ("edit", "unpend", "restore")
PASSWORDS = ("user first", "secret first", "restore")


def _save(s: State, version: str, text: Text, w: World) -> State:
    """PutSecretValue, or "Edit" in the console: a new version is AWSCURRENT."""
    pending = "" if w.bounds.clears else s.labels.pending
    been = {*s.ghost.been, text.password} - {""}
    saved = s._replace(versions=(*s.versions, Version(version, text)), at_edit=s.flights())
    saved = saved.relabelled(current=version, previous=s.labels.current, pending=pending)
    return saved.note(
        edition=max(s.ghost.edition, text.edition),
        been=tuple(sorted(been)),
        edits=s.ghost.edits + 1,
    )


def _set(s: State, password: str) -> State:
    return s._replace(user=User(False, Node((password,), s.user.has.on), by_person=True))


def person_steps(s: State, w: World) -> Iterator[Step]:
    if s.person:
        yield from _second(s, s.person, w)
    elif s.left.person:
        for kind in w.bounds.acts:
            if step := _first(s.spend("person"), kind, w):
                yield step._replace(what=f"a person {step.what}", by_person=True)


def _first(s: State, kind: str, w: World) -> Step | None:
    labels, text = s.labels, s.text(s.labels.current)
    assert text
    version, new = f"E{s.ghost.edits + 1}", f"X{s.ghost.edits + 1}"
    raced = s.note(raced=s.ghost.raced or s.busy)
    if kind == "edit":
        opened = s._replace(person=Act(kind, version, text.password))
        return Step(f"opens {labels.current} to edit another field", opened)
    if kind == "same" and not labels.pending:
        return Step(f"saves {labels.current} as it is: {version}", _save(s, version, text, w))
    if kind == "unpend" and labels.pending:
        return Step(f"removes AWSPENDING from {labels.pending}", s.relabelled(pending=""))
    if kind == "restore" and s.password(labels.previous) in s.user.has.passwords:
        back = s.text(labels.previous)
        assert back
        restored = raced.relabelled(current=labels.previous, previous=labels.current)
        restored = restored.note(edition=back.edition)
        return Step(f"moves AWSCURRENT back to {labels.previous}", restored)
    if kind == "user first" and text.password and s.user.active:
        changed = _set(raced, new)._replace(person=Act(kind, version, new))
        return Step(f"gives the user {new} alone", changed)
    if kind == "secret first" and text.password:
        changed = _save(raced, version, text._replace(password=new), w)
        return Step(f"saves {new} in {version}", changed._replace(person=Act(kind, version, new)))
    return None


def _second(s: State, act: Act, w: World) -> Iterator[Step]:
    done, text = s._replace(person=None), s.text(s.labels.current)
    assert text
    if act.kind == "edit":
        # A text that was opened before a rotation brings its password back.
        done = done.note(raced=s.ghost.raced or act.password != text.password)
        saved = _save(done, act.version, Text(act.password, s.ghost.edition + 1), w)
        yield Step(f"the person saves the edit: {act.version}", saved, by_person=True)
        return
    done = done.note(raced=s.ghost.raced or s.busy)
    if act.kind == "user first":
        saved = _save(done, act.version, text._replace(password=act.password), w)
        yield Step(f"the person saves {act.password} in {act.version}", saved, by_person=True)
    elif s.user.active:
        what = f"the person gives the user {act.password} alone"
        yield Step(what, _set(done, act.password), by_person=True)
