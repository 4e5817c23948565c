"""Every path of the machine as a case: what its tasks answer, and what has to come of it.

``python -m tests.statemachine.cases`` writes them as MockConfigFile.json, which every engine reads:
https://docs.aws.amazon.com/step-functions/latest/dg/sfn-local-mock-cfg-file.html
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from rotation.records.endpoint import Endpoint
from rotation.records.failure import Failure
from rotation.records.modification import Modification
from rotation.records.run_state import LOGGED_IN
from rotation.records.target import Target
from rotation.rules import closing
from rotation.rules.closing import Closing
from tests.statemachine.engines import MOCK_CONFIG, ROOT

MACHINE = "rotation"
INPUT = {"SecretId": "app"}
DEFINITION = ROOT / "statemachine/rotation.asl.json"

Shape = dict[str, Any]
Path = tuple[str, ...]


@dataclass(frozen=True)
class Throw:
    """The task fails with an error of this name."""

    error: str


Answer = Throw | Shape
#: By task, one for each invocation.
Answers = dict[str, Sequence[Answer]]


# What each state gets that succeeds

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
#: The task inside of each Map.
INSIDE = {
    "Check Network": "Check Endpoint",
    "Test Authentication": "Log In",
    "Verify Current Password": "Log In With Current",  # pragma: allowlist secret
}
AROUND = {task: state for state, task in INSIDE.items()}

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_BEGUN = Modification(_NOW, "modifying", 0, 2)
_TARGET = Target(
    secret_arn="arn:aws:secretsmanager:us-east-1:123456789012:secret:app-AbCdEf",
    version_id="new",
    current_version_id="current",
    pending_version_at_check="new",
    user_id="app",
    username="app",
    authentication="password",
    turn_on=False,
    dry_run=False,
)


def _user(status: str) -> Shape:
    return Modification(_BEGUN.started_at, status, 2, 2).to_state()


def _endpoints(count: int) -> Shape:
    found = [_endpoint(number).to_state() for number in range(count)]
    return {"Endpoints": found, "Count": count, "NotTested": []}


def _endpoint(number: int) -> Endpoint:
    return Endpoint("cache", f"node-{number}", 6379)


def _verified(number: int, result: str) -> Shape:
    return {"Endpoint": str(_endpoint(number)), "Result": result}


def closed(failure: Failure, *, promoted: bool = False) -> Shape:
    """What Close Rotation answers."""
    return Closing(
        promoted=promoted,
        failure=failure,
        user=closing.BOTH_PASSWORDS,
        pending=closing.REMOVED,
        clients=closing.NOT_LOCKED_OUT,
        logged_in=1,
        endpoints=1,
        not_tested=(),
        at=_NOW,
        cause=f"{failure.sentence} Closed.",
    ).to_state()


USUAL: Mapping[str, Shape] = {
    "Check Target": _TARGET.to_state(),
    "Find Endpoints": _endpoints(1),
    "Check Endpoint": {"Endpoint": str(_endpoint(0)), "CurrentLogsIn": True, "ProvenVersion": ""},
    "Generate Password": {"Generated": True, "WaitSeconds": 0, "LateSeconds": 45},
    "Modify User": _BEGUN.to_state(),
    "Describe User": _user("active"),
    "Find Endpoints Again": _endpoints(1),
    "Log In": {"Endpoint": str(_endpoint(0))},
    "Promote Version": {"Promoted": True},
    "Report Rotation": {"UserId": "app", "EndpointsTested": 1},
    "Log In With Current": _verified(0, LOGGED_IN),
}

# What each state retries, and how often


def _few_attempts(shape: Shape) -> Shape:
    """A Retry with as many attempts as meet each of its errors: that engines count is to be seen.

    How many there are is seen in the definition itself.
    """
    if "MaxAttempts" not in shape:
        return shape
    return shape | {"MaxAttempts": max(2, len(shape["ErrorEquals"]))}


def definition() -> str:
    """The machine as the engines get it; a function's name stands for its ARN."""
    text = DEFINITION.read_text().replace("${Partition}", "aws")
    text = re.sub(r"\$\{(\w+)\}", r"\1", text)
    return json.dumps(json.loads(text, object_hook=_few_attempts))


def _tasks(machine: Shape) -> Iterator[tuple[str, Shape]]:
    for name, state in machine["States"].items():
        if state["Type"] == "Task":
            yield name, state
        yield from _tasks(state["ItemProcessor"]) if "ItemProcessor" in state else ()


#: As the definition says; test_definition.py and test_patience.py say what is right.
RETRIES: Mapping[str, Sequence[tuple[tuple[str, ...], int]]] = {
    name: [(tuple(rule["ErrorEquals"]), rule["MaxAttempts"]) for rule in state["Retry"]]
    for name, state in _tasks(json.loads(definition()))
}


@dataclass(frozen=True)
class Told:
    """What Close Rotation gets: errors as a Catch hands them on, and what each endpoint answered.

    ``unreachable`` is why the endpoints were looked for again; ``verification`` is None where
    AWSCURRENT was not tried.
    """

    failure: Shape
    unreachable: Shape | None = None
    verification: Sequence[Shape] | None = None


@dataclass(frozen=True)
class Case:
    """An execution, and what has to come of it.

    ``path`` has the states outside of Maps, ``answers`` those of each task that does not just
    succeed, one for each invocation. ``error`` and ``cause`` are the execution's, if it fails.
    """

    name: str
    path: Path
    answers: Answers = field(default_factory=dict)
    told: Told | None = None
    error: str = ""
    cause: str = ""

    @property
    def status(self) -> str:
        """The execution's."""
        return "FAILED" if self.error else "SUCCEEDED"

    @property
    def tasks(self) -> list[str]:
        """The Task states that are passed, each once."""
        inside = [INSIDE.get(state, state) for state in self.path]
        return [
            state for state in dict.fromkeys(inside) if state in RETRIES and self.attempts(state)
        ]

    def attempts(self, task: str) -> int:
        """How often the task is invoked."""
        if task in self.answers:
            return len(self.answers[task])
        return self.path.count(AROUND.get(task, task))


# The cases


def cases() -> list[Case]:
    """All of them; their names are unique."""
    return [*_ways(), *_recoveries(), *_exhaustions(), *_refusals()]


def _ways() -> Iterator[Case]:
    yield Case("Rotated", ROTATED)
    waiting = ("Wait For User", "Describe User", "User Active?")
    yield Case(
        "RotatedAfterWaiting",
        (*_until("Modify User"), *waiting, *waiting, *_from("Wait For User")),
        {"Describe User": [_user("modifying"), _user("modifying"), _user("active")]},
    )
    dry_run: Answers = {"Check Target": [replace(_TARGET, dry_run=True).to_state()]}
    yield Case("DryRunPassed", (*CHECKED, "Dry Run Passed"), dry_run)
    nobody = _with_endpoints(0)
    yield Case("NoEndpointRotated", ROTATED, nobody)
    yield _failed(
        "NoEndpointVerified",
        (*_until("Promote Version"), *WAITED),
        _DENIED | nobody,
        Told(_FIRST, verification=[]),
    )
    # More than one Map works on at once, and all have the same answers: any order is right.
    yield Case("ManyEndpointsRotated", ROTATED, _with_endpoints(25))
    yield _failed(
        "EachEndpointIsVerified",
        (*_until("Promote Version"), *WAITED),
        _DENIED | _with_endpoints(2) | {"Log In With Current": [Throw("CertificateError")] * 2},
        Told(_FIRST, verification=[_verified(n, "CertificateError") for n in range(2)]),
    )
    # Each round of the loop has all of the retries.
    busy = _too_many("Describe User", "UserNotFoundError")[:-1]
    yield Case(
        "EachRoundRecovers",
        (*_until("Modify User"), *waiting, *_from("Wait For User")),
        {"Describe User": [*busy, _user("modifying"), *busy, _user("active")]},
    )
    # A user that somebody deletes.
    deleting = "User app has status deleting while its password is being changed."
    yield _failed(
        "UserCannotBecomeActive",
        (*_until("User Active?"), "User Cannot Become Active", *VERIFIED),
        {"Describe User": [_user("deleting")]},
        Told({"Error": "UserStatusError", "Cause": deleting}, verification=_LOGGED_IN),
    )
    lost = _too_many("Log In", "EndpointUnreachableError")
    again = (*_until("Test Authentication"), "Find Endpoints Again")
    moved: Answers = {"Log In": [*lost, USUAL["Log In"]]}
    yield Case("EndpointsChanged", (*again, *_from("Test Authentication")), moved)
    yield _failed(
        "EndpointsChangedAndForgotten",
        (*again, "Test Authentication", "Promote Version", *WAITED),
        _DENIED | moved,
        Told(_FIRST, verification=_LOGGED_IN),
    )
    same: list[Answer] = [USUAL["Find Endpoints Again"], Throw("EndpointUnreachableError")]
    yield _failed(
        "EndpointsTheSame",
        (*again, *VERIFIED),
        {"Log In": lost, "Find Endpoints Again": same},
        Told(_caught("Find Endpoints Again", same[-1]), _caught("Log In", lost[-1]), _LOGGED_IN),
    )
    # The answer was lost: there is no cause either.
    timed_out = _too_many("Promote Version", "States.Timeout")
    unknown = _caught("Promote Version", timed_out[-1])
    yield Case(
        "PromotedAfterAll",
        (*_until("Promote Version"), *WAITED[:-1], "Report Rotation", "Rotated"),
        {
            "Promote Version": timed_out,
            "Close Rotation": [closed(Failure.from_catch(unknown), promoted=True)],
        },
        Told(unknown, verification=_LOGGED_IN),
    )
    yield _not_closed("NotClosedWithoutACause", [Throw("UnexpectedError")], timed_out)


def _recoveries() -> Iterator[Case]:
    """Each state meets each error that it retries, as often as is allowed, and succeeds."""
    thrown: dict[str, list[Answer]] = {
        task: [Throw(errors[n % len(errors)]) for errors, most in entries for n in range(most)]
        for task, entries in RETRIES.items()
    }
    yield Case(
        "EachStateRecovers",
        ROTATED,
        {task: [*thrown[task], USUAL[task]] for task in thrown if task not in _AFTER},
    )
    yield _failed(
        "EachStateRecoversAfterAFailure",
        (*_until("Promote Version"), *WAITED),
        {
            **_DENIED,
            "Log In With Current": [*thrown["Log In With Current"], USUAL["Log In With Current"]],
            "Close Rotation": [*thrown["Close Rotation"], closed(Failure.from_catch(_FIRST))],
        },
        Told(_FIRST, verification=_LOGGED_IN),
    )


def _exhaustions() -> Iterator[Case]:
    """Each Retry entry meets one error more than it allows, in the first state that has it."""
    seen: set[Sequence[str]] = set()
    for task, entries in RETRIES.items():
        for errors, _ in entries:
            if errors not in seen:
                thrown = _too_many(task, errors[0])
                yield _broken(f"{_pascal(task)}GivesUpOn{_pascal(errors[0])}", task, thrown)
            seen.add(errors)


def _refusals() -> Iterator[Case]:
    """Each state meets an error that nothing retries."""
    for task in RETRIES:
        yield _broken(f"{_pascal(task)}Breaks", task, [Throw("UnexpectedError")])


def _broken(name: str, task: str, thrown: Sequence[Throw]) -> Case:
    """The task fails for good with the last of these."""
    answers: Answers = {task: thrown}
    before = _until("Promote Version")
    if task == "Report Rotation":
        return Case(name, ROTATED, answers)
    if task == "Close Rotation":
        return _not_closed(name, thrown, _DENIED["Promote Version"])
    if task == "Log In With Current":
        told = Told(_FIRST, verification=[_verified(0, thrown[-1].error)])
        return _failed(name, (*before, *WAITED), _DENIED | answers, told)
    failure = _caught(task, thrown[-1])
    state = AROUND.get(task, task)
    if state in _until("Generate Password"):
        return _failed(name, (*_until(state), *CLOSED), answers, Told(failure))
    way = WAITED if state == "Promote Version" else VERIFIED
    told = Told(failure, verification=_LOGGED_IN)
    return _failed(name, (*_until(state), *way), answers, told)


def _failed(name: str, path: Path, answers: Answers, told: Told) -> Case:
    """The first error, and what Close Rotation says, are the execution's."""
    end = closed(Failure.from_catch(told.unreachable or told.failure))
    answers = {"Close Rotation": [end], **answers}
    return Case(name, path, answers, told, end["Error"], end["Cause"])


def _not_closed(name: str, thrown: Sequence[Throw], first: Sequence[Answer]) -> Case:
    """Close Rotation fails for good, after Promote Version has."""
    failure = _caught("Promote Version", first[-1])
    cause = (
        f"The rotation failed with {failure['Error']}, and then Close Rotation with "
        f"{thrown[-1].error}. AWSPENDING may still be on the version of this run. Look at the "
        "tasks that failed for the reasons."
    )
    return Case(
        name,
        (*_until("Promote Version"), *WAITED[:3], "Rotation Not Closed", "Rotation Failed"),
        {"Promote Version": first, "Close Rotation": thrown},
        Told(failure, verification=_LOGGED_IN),
        failure["Error"],
        cause,
    )


def _too_many(task: str, error: str) -> list[Throw]:
    """One error more than the task retries."""
    most = next(most for errors, most in RETRIES[task] if error in errors)
    return [Throw(error)] * (most + 1)


def _with_endpoints(count: int) -> Answers:
    found = [_endpoints(count)]
    inside = {task: [USUAL[task]] * count for task in INSIDE.values()}
    return {"Find Endpoints": found, "Find Endpoints Again": found, **inside}


def _caught(task: str, thrown: Answer) -> Shape:
    """As a Catch hands it on, and as Step Functions tells causes (guide, "Handling errors").

    A function's error is JSON, Lambda's own plain text; of a timeout no cause is told.
    """
    assert isinstance(thrown, Throw)
    cause = f"{task} met {thrown.error}."
    if thrown.error == "States.Timeout":
        cause = ""
    elif not thrown.error.startswith("Lambda."):
        told = {"errorMessage": cause, "errorType": thrown.error, "stackTrace": ["  File ...\n"]}
        cause = json.dumps(told)
    return {"Error": thrown.error, "Cause": cause}


def _until(state: str) -> Path:
    return ROTATED[: ROTATED.index(state) + 1]


def _from(state: str) -> Path:
    return ROTATED[ROTATED.index(state) :]


def _pascal(name: str) -> str:
    return name.replace(" ", "").replace(".", "")


#: How a rotation fails of which the end is looked at.
_DENIED: Answers = {"Promote Version": [Throw("AccessDeniedError")]}
_FIRST = _caught("Promote Version", _DENIED["Promote Version"][0])
_LOGGED_IN = [USUAL["Log In With Current"]]
#: The tasks after a failure.
_AFTER = {INSIDE.get(state, state) for state in WAITED} & {*RETRIES}


# As Step Functions Local reads them


def mock_config() -> str:
    """The text of MockConfigFile.json."""
    responses: dict[str, Shape] = {}
    test_cases: dict[str, Shape] = {}
    for case in cases():
        chosen = test_cases.setdefault(case.name, {})
        for task in case.tasks:
            if task in case.answers:
                chosen[task] = f"{_pascal(task)}Of{case.name}"
                responses[chosen[task]] = _numbered(
                    [_response(task, answer) for answer in case.answers[task]]
                )
            else:
                chosen[task] = f"{_pascal(task)}Succeeds"
                responses[chosen[task]] = {"0-99": _response(task, USUAL[task])}
    return (
        f'{{"StateMachines": {{"{MACHINE}": {{"TestCases": {_lines(test_cases)}}}}},\n'
        f'"MockedResponses": {_lines(responses)}}}\n'
    )


def _lines(shape: Mapping[str, Shape]) -> str:
    each = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in shape.items())
    return "{\n" + ",\n".join(each) + "\n}"


def _response(task: str, answer: Answer) -> Shape:
    if isinstance(answer, Throw):
        return {"Throw": _caught(task, answer)}
    return {"Return": {"StatusCode": 200, "Payload": answer}}


def _numbered(responses: Sequence[Shape]) -> Shape:
    """Equal ones in a row have one key: ``{"0-5": ..., "6": ...}``."""
    found: Shape = {}
    first = 0
    for number, response in enumerate(responses):
        if responses[number + 1 : number + 2] != [response]:
            found[f"{first}-{number}" if number > first else str(number)] = response
            first = number + 1
    return found


if __name__ == "__main__":
    MOCK_CONFIG.write_text(mock_config())
