"""Every path of the state machine as a case: what its tasks answer, and how the execution ends.

Each Retry is met, recovered from and exhausted; each error that nothing retries is met once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from rotation.records.failure import Failure
from tools.asl.answers import (
    AROUND,
    INSIDE,
    RETRIES,
    TARGET,
    USUAL,
    Answer,
    Answers,
    Json,
    Throw,
    all_retried,
    caught,
    closed,
    endpoints,
    too_many,
    user,
    verified,
)

Path = tuple[str, ...]

CHECKED: Path = ("Read Input", "Check Target", "Find Endpoints", "Check Network", "Dry Run?")
ROTATED: Path = (
    *CHECKED,
    "Generate Password",
    "Wait For Earlier Runs",
    "Modify User",
    "Wait For User",
    "Describe User",
    "User Active?",
    "Find Endpoints Again",
    "Test Authentication",
    "Promote Version",
    "Report Rotation",
    "Rotated",
)
#: After a failure: before the user may have been changed, after that, and of Promote Version.
CLOSED: Path = ("Close Rotation", "Promoted After All?", "Rotation Failed")
VERIFIED: Path = ("Verify Current Password", *CLOSED)
WAITED: Path = ("Wait For Promotion", *VERIFIED)


@dataclass(frozen=True)
class CloseInput:
    """What Close Rotation gets: errors as a Catch hands them on, and what each endpoint answered.

    ``unreachable`` is why the endpoints were looked for again; ``verification`` is None where
    AWSCURRENT was not tried.
    """

    failure: Json
    unreachable: Json | None = None
    verification: Sequence[Json] | None = None


@dataclass(frozen=True)
class Case:
    """An execution, and what has to come of it.

    ``path`` has the states outside of Maps, ``answers`` those of each task that does not just
    succeed, one for each invocation. ``error`` and ``cause`` are the execution's, if it fails.
    """

    name: str
    path: Path
    answers: Answers = field(default_factory=dict)
    close_input: CloseInput | None = None
    error: str = ""
    cause: str = ""

    @property
    def status(self) -> str:
        """The execution's."""
        return "FAILED" if self.error else "SUCCEEDED"

    @property
    def tasks(self) -> list[str]:
        """The tasks that are invoked, each once; with no endpoints, those of Maps are not."""
        states = dict.fromkeys(INSIDE.get(state, state) for state in self.path)
        return [each for each in states if each in RETRIES and self.answers.get(each) != []]


def cases() -> list[Case]:
    """All of them; their names are unique."""
    return [*_ways(), *_endpoint_ways(), *_lost_promotions(), *_recoveries(), *_final_errors()]


def _ways() -> Iterator[Case]:
    yield Case("Rotated", ROTATED)
    loop = ("Wait For User", "Describe User", "User Active?")
    yield Case(
        "RotatedAfterWaiting",
        (*_until("Modify User"), *loop, *loop, *_from("Wait For User")),
        {"Describe User": [user("modifying"), user("modifying"), user("active")]},
    )
    # Each round of the loop has all of the retries.
    busy = too_many("Describe User", "UserNotFoundError")[:-1]
    yield Case(
        "EachRoundRecovers",
        (*_until("Modify User"), *loop, *_from("Wait For User")),
        {"Describe User": [*busy, user("modifying"), *busy, user("active")]},
    )
    dry_run: Answers = {"Check Target": [replace(TARGET, dry_run=True).to_state()]}
    yield Case("DryRunPassed", (*CHECKED, "Dry Run Passed"), dry_run)
    # A user that somebody deletes.
    deleting = "User app has status deleting while its password is being changed."
    yield _failed(
        "UserCannotBecomeActive",
        (*_until("User Active?"), "User Cannot Become Active", *VERIFIED),
        {"Describe User": [user("deleting")]},
        CloseInput({"Error": "UserStatusError", "Cause": deleting}, verification=_LOGGED_IN),
    )


def _endpoint_ways() -> Iterator[Case]:
    none = _with_endpoints(0)
    yield Case("NoEndpointRotated", ROTATED, none)
    yield _not_promoted("NoEndpointVerified", none, verification=[])
    # More than one Map works on at once, and all have the same answers: any order is right.
    yield Case("ManyEndpointsRotated", ROTATED, _with_endpoints(25))
    yield _not_promoted(
        "EachEndpointIsVerified",
        _with_endpoints(2) | {"Log In With Current": [Throw("CertificateError")] * 2},
        verification=[verified(number, "CertificateError") for number in range(2)],
    )
    lost = too_many("Log In", "EndpointUnreachableError")
    again = (*_until("Test Authentication"), "Find Endpoints Again")
    moved: Answers = {"Log In": [*lost, USUAL["Log In"]]}
    yield Case("EndpointsChanged", (*again, *_from("Test Authentication")), moved)
    before = (*again, "Test Authentication", "Promote Version")
    yield _not_promoted("EndpointsChangedAndForgotten", moved, before=before)
    same: list[Answer] = [USUAL["Find Endpoints Again"], Throw("EndpointUnreachableError")]
    failure, first = caught("Find Endpoints Again", same[-1]), caught("Log In", lost[-1])
    yield _failed(
        "EndpointsTheSame",
        (*again, *VERIFIED),
        {"Log In": lost, "Find Endpoints Again": same},
        CloseInput(failure, first, _LOGGED_IN),
    )


def _lost_promotions() -> Iterator[Case]:
    """Promote Version's answer was lost: there is no cause either."""
    timed_out = too_many("Promote Version", "States.Timeout")
    unknown = caught("Promote Version", timed_out[-1])
    yield Case(
        "PromotedAfterAll",
        (*_until("Promote Version"), *WAITED[:-1], "Report Rotation", "Rotated"),
        {
            "Promote Version": timed_out,
            "Close Rotation": [closed(Failure.from_catch(unknown), promoted=True)],
        },
        CloseInput(unknown, verification=_LOGGED_IN),
    )
    yield _not_closed("NotClosedWithoutACause", [Throw("UnexpectedError")], timed_out)


def _recoveries() -> Iterator[Case]:
    """Each state meets each error that it retries, as often as is allowed, and succeeds."""
    after = {INSIDE.get(state, state) for state in WAITED}
    yield Case(
        "EachStateRecovers",
        ROTATED,
        {task: all_retried(task) for task in RETRIES if task not in after},
    )
    answers: Answers = {
        "Log In With Current": all_retried("Log In With Current"),
        "Close Rotation": [*all_retried("Close Rotation"), closed(Failure.from_catch(_FIRST))],
    }
    yield _not_promoted("EachStateRecoversAfterAFailure", answers)


def _final_errors() -> Iterator[Case]:
    """Each Retry meets one error more than it allows, in the first state that has it; each state
    an error that nothing retries."""
    seen: set[Sequence[str]] = set()
    for task, entries in RETRIES.items():
        for errors, _ in entries:
            if errors not in seen:
                thrown = too_many(task, errors[0])
                yield _broken(f"{pascal(task)}GivesUpOn{pascal(errors[0])}", task, thrown)
            seen.add(errors)
        yield _broken(f"{pascal(task)}Breaks", task, [Throw("UnexpectedError")])


def _broken(name: str, task: str, thrown: Sequence[Throw]) -> Case:
    """The task fails for good with the last of these."""
    answers: Answers = {task: thrown}
    if task == "Report Rotation":
        return Case(name, ROTATED, answers)
    if task == "Close Rotation":
        return _not_closed(name, thrown, _DENIED["Promote Version"])
    if task == "Log In With Current":
        return _not_promoted(name, answers, verification=[verified(0, thrown[-1].error)])
    failure = caught(task, thrown[-1])
    state = AROUND.get(task, task)
    if state in _until("Generate Password"):
        return _failed(name, (*_until(state), *CLOSED), answers, CloseInput(failure))
    way = WAITED if state == "Promote Version" else VERIFIED
    close_input = CloseInput(failure, verification=_LOGGED_IN)
    return _failed(name, (*_until(state), *way), answers, close_input)


def _not_promoted(
    name: str,
    answers: Answers,
    *,
    before: Path | None = None,
    verification: Sequence[Json] | None = None,
) -> Case:
    """Promote Version fails: a rotation of which the end is looked at."""
    way = (*(before or _until("Promote Version")), *WAITED)
    logged_in = _LOGGED_IN if verification is None else verification
    return _failed(name, way, _DENIED | answers, CloseInput(_FIRST, verification=logged_in))


def _failed(name: str, path: Path, answers: Answers, close_input: CloseInput) -> Case:
    """The first error, and what Close Rotation says, are the execution's."""
    end = closed(Failure.from_catch(close_input.unreachable or close_input.failure))
    answers = {"Close Rotation": [end], **answers}
    return Case(name, path, answers, close_input, end["Error"], end["Cause"])


def _not_closed(name: str, thrown: Sequence[Throw], first: Sequence[Answer]) -> Case:
    """Close Rotation fails for good, after Promote Version has."""
    failure = caught("Promote Version", first[-1])
    cause = (
        f"The rotation failed with {failure['Error']}, and then Close Rotation with "
        f"{thrown[-1].error}. AWSPENDING may still be on the version of this run. The "
        "tasks that failed have the reasons."
    )
    return Case(
        name,
        (*_until("Promote Version"), *WAITED[:3], "Rotation Not Closed", "Rotation Failed"),
        {"Promote Version": first, "Close Rotation": thrown},
        CloseInput(failure, verification=_LOGGED_IN),
        failure["Error"],
        cause,
    )


def _with_endpoints(count: int) -> Answers:
    found = [endpoints(count)]
    inside = {task: [USUAL[task]] * count for task in INSIDE.values()}
    return {"Find Endpoints": found, "Find Endpoints Again": found, **inside}


def _until(state: str) -> Path:
    return ROTATED[: ROTATED.index(state) + 1]


def _from(state: str) -> Path:
    return ROTATED[ROTATED.index(state) :]


def pascal(name: str) -> str:
    return name.replace(" ", "").replace(".", "")


_DENIED: Answers = {"Promote Version": [Throw("AccessDeniedError")]}
_FIRST = caught("Promote Version", _DENIED["Promote Version"][0])
_LOGGED_IN = [USUAL["Log In With Current"]]
