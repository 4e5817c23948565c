"""What the model knows: bounds, and one state of a secret, a user, and all that is running.

A state is a tuple of tuples, so that it can be looked up among those that were seen.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Left(NamedTuple):
    """How much may still happen that need not."""

    hand: int = 0  # runs by hand
    sm: int = 0  # calls of RotateSecret, of two attempts each
    person: int = 0  # acts of a person
    stop: int = 0  # executions that are stopped
    late: int = 0  # calls that land late
    fault: int = 0  # failures, of a call that has counted or has not
    stale: int = 0  # looks that see the labels as they were before their last change
    deleted: int = 0  # versions that Secrets Manager deletes


class Bounds(NamedTuple):
    """What may happen at all."""

    left: Left
    acts: tuple[str, ...] = ()
    secret: str = "C"  # the password in the secret, or empty
    user: str = "C"  # the user's, which clients use; empty: the user is off
    nodes: int = 1
    lag: bool = False  # a node may be behind a user that is active
    staged: bool = False  # CreatedDate is when Secrets Manager staged a version, not of its value
    clears: bool = True  # a person's new AWSCURRENT removes AWSPENDING, as recorded on AWS


class World(NamedTuple):
    """What stays the same: all rules of functions/ and the state machine, but the one left out."""

    bounds: Bounds
    left_out: str = ""

    def has(self, rule: str) -> bool:
        return rule != self.left_out


class Text(NamedTuple):
    """A version's value; ``edition`` stands for its other fields."""

    password: str
    edition: int = 0


class Version(NamedTuple):
    """``text`` is None of one that is only staged."""

    id: str
    text: Text | None = None


class Labels(NamedTuple):
    """The versions that have them, or empty."""

    current: str
    previous: str = ""
    pending: str = ""


class Node(NamedTuple):
    """What decides whether a node lets somebody in."""

    passwords: tuple[str, ...]
    on: bool


class User(NamedTuple):
    """As DescribeUsers shows it; the nodes get there in their own time."""

    active: bool
    has: Node
    by_person: bool = False


class Call(NamedTuple):
    """A call that changes something: a function looks, then calls, and anything may lie between.

    ``away`` is where the label was seen; None takes it from wherever it is.
    """

    kind: str
    version: str
    away: str | None = ""
    text: Text | None = None
    passwords: tuple[str, ...] = ()
    on: bool = False

    def __str__(self) -> str:
        if self.kind == "put":
            return f"PutSecretValue of {self.version}, with AWSPENDING"
        if self.kind == "modify":
            return f"ModifyUser [{', '.join(self.passwords)}]{' on' if self.on else ''}"
        if self.kind == "off":
            return f"removes AWSPENDING from {self.version}"
        label = "AWSCURRENT" if self.kind == "promote" else "AWSPENDING"
        return f"moves {label} to {self.version}"


#: A call that is under way, and whose it is.
Flight = tuple[str, Call]


class Run(NamedTuple):
    """An execution. ``at`` is the state that it is in, with "!" where it has looked.

    ``seen`` and ``lock`` are AWSCURRENT and AWSPENDING at Check Target, and ``proven`` the version
    whose password a first rotation that was cut off has set. A Wait that ``waits`` at all lasts
    until what was under way, ``late``, has landed.
    """

    id: str
    token: str
    by_hand: bool
    at: str = "check"
    seen: str = ""
    lock: str = ""
    turn_on: bool = False
    proven: str = ""
    node: int = 0
    waits: bool = False
    late: tuple[Flight, ...] = ()
    call: Call | None = None
    why: str = ""

    def calls(self, at: str, call: Call) -> Run:
        return self._replace(at=at, call=call)


class Rotation(NamedTuple):
    """Secrets Manager's."""

    phase: str = ""
    token: str = ""
    attempt: int = 0
    call: Call | None = None


class Act(NamedTuple):
    """A person's, of two steps, of which one is done."""

    kind: str
    version: str
    password: str


class Ghost(NamedTuple):
    """What only the checks know, and what names are taken."""

    hands: int = 0
    tokens: int = 0
    starts: int = 0
    edits: int = 0
    edition: int = 0  # of the other fields, the newest that was saved
    been: tuple[str, ...] = ()  # passwords that AWSCURRENT has had
    promoted: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    late: str = ""  # AWSCURRENT's version, where a stopped run's promotion landed late
    raced: bool = False  # a person and a run changed the password at the same time
    cut: bool = False  # something was stopped, and could not remove AWSPENDING
    unknown: str = ""  # what clients use that the secret does not hold


class State(NamedTuple):
    """``versions`` are in the order of their CreatedDate."""

    versions: tuple[Version, ...]
    labels: Labels
    user: User
    nodes: tuple[Node, ...]
    left: Left
    ghost: Ghost
    old: Labels | None = None  # what a look may still see instead of the labels
    runs: tuple[Run, ...] = ()
    succeeded: tuple[str, ...] = ()  # tokens with an execution that has
    sm: Rotation = Rotation()
    late: tuple[Flight, ...] = ()  # calls of functions whose execution does not wait for them
    at_edit: tuple[Flight, ...] = ()  # under way when a person made AWSCURRENT's version
    person: Act | None = None

    def text(self, version: str) -> Text | None:
        return next((each.text for each in self.versions if each.id == version), None)

    def password(self, version: str) -> str:
        text = self.text(version)
        return text.password if text else ""

    def created(self, version: str) -> int:
        """Its place in time; -1 without it."""
        return next((n for n, each in enumerate(self.versions) if each.id == version), -1)

    def lets_in(self, password: str) -> bool:
        return all(node.on and password in node.passwords for node in self.nodes)

    @property
    def settled(self) -> bool:
        """Whether the user is active, and no node behind."""
        return self.user.active and all(node == self.user.has for node in self.nodes)

    @property
    def clients_log_in(self) -> bool:
        used = self.ghost.unknown or self.password(self.labels.current)
        return not used or self.lets_in(used)

    def flights(self, but: str = "") -> tuple[Flight, ...]:
        """Calls that are under way, but for one run's own."""
        calls = [(run.id, run.call) for run in self.runs if run.call and run.id != but]
        if self.sm.call:
            calls.append(("createSecret", self.sm.call))
        return (*self.late, *calls)

    @property
    def busy(self) -> bool:
        """Whether a run may still write."""
        return bool(self.runs or self.late)

    def spend(self, what: str) -> State:
        return self._replace(left=self.left._replace(**{what: getattr(self.left, what) - 1}))

    def note(self, **changes: Any) -> State:
        return self._replace(ghost=self.ghost._replace(**changes))

    def with_run(self, run: Run) -> State:
        return self._replace(runs=tuple(run if run.id == each.id else each for each in self.runs))

    def without_run(self, run: Run) -> State:
        return self._replace(runs=tuple(each for each in self.runs if run.id != each.id))

    def relabelled(self, **labels: str) -> State:
        """Looks may see the labels as they were, where the bounds have such looks left."""
        old = self.labels if self.left.stale else None
        return self._replace(labels=self.labels._replace(**labels), old=old)


class Step(NamedTuple):
    """``wrong`` is what has gone wrong with it."""

    what: str
    state: State
    wrong: str = ""
    by_person: bool = False


def start(bounds: Bounds) -> State:
    secret, user = bounds.secret, bounds.user
    has = Node((user,) if user else (), bool(user))
    return State(
        versions=(Version("C", Text(secret)),),
        labels=Labels("C"),
        user=User(True, has),
        nodes=(has,) * bounds.nodes,
        left=bounds.left,
        ghost=Ghost(been=(secret,) if secret else (), unknown="" if user == secret else user),
    )
