"""Every path of the machine as a case: what its tasks answer, and what has to come of it.

``python -m tests.statemachine.cases`` writes them as MockConfigFile.json, which every engine reads:
https://docs.aws.amazon.com/step-functions/latest/dg/sfn-local-mock-cfg-file.html
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil
from typing import Any

from rotation.endpoint import Endpoint
from rotation.failure import Failure
from rotation.modification import Modification
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

CHECKED: Path = (
    "Read Input",
    "Check Target",
    "Find Endpoints",
    "Any Endpoint?",
    "Check Network",
    "Dry Run?",
)
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
RELEASED: Path = ("Release Version", "Rotation Failed")
NOTHING_CHANGED: Path = ("Roll Back", "User Changed Back?", *RELEASED)
PUT_BACK: Path = (
    "Roll Back",
    "User Changed Back?",
    "Wait For Roll Back",
    "Describe User Again",
    "User Back?",
    "Find Endpoints Left",
    "Verify Roll Back",
    *RELEASED,
)
#: The task inside of each Map.
INSIDE = {
    "Check Network": "Check Endpoint",
    "Test Authentication": "Log In",
    "Verify Roll Back": "Log In With Current",
}
AROUND = {task: state for state, task in INSIDE.items()}

_BEGUN = Modification(datetime(2026, 1, 1, tzinfo=UTC), "modifying", 0, 2)


def _user(status: str) -> Shape:
    return Modification(_BEGUN.started_at, status, 2, 2).to_state()


def _endpoints(count: int, *, changed: bool = False) -> Shape:
    found = [Endpoint("cache", f"node-{number}", 6379).to_state() for number in range(count)]
    return {"Endpoints": found, "Count": count, "Changed": changed}


USUAL: Mapping[str, Shape] = {
    "Check Target": {
        "SecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:app-AbCdEf",
        "VersionId": "new",
        "CurrentVersionId": "current",
        "PendingVersionId": "new",
        "PreviousVersionId": "previous",
        "FirstPasswordCandidates": [],
        "UserId": "app",
        "Username": "app",
        "AccessString": "on ~* +@all",
        "Authentication": "password",
        "PasswordCount": 1,
        "TurnOn": False,
        "DryRun": False,
    },
    "Find Endpoints": _endpoints(1),
    "Check Endpoint": {
        "Endpoint": "node-0:6379 of cache",
        "PreviousLogsIn": False,
        "ProvenVersion": "",
    },
    "Generate Password": {"Generated": True, "WaitSeconds": 0},
    "Modify User": _BEGUN.to_state(),
    "Describe User": _user("active"),
    "Find Endpoints Again": _endpoints(1),
    "Log In": {"Endpoint": "node-0:6379 of cache"},
    "Find Endpoints Now": _endpoints(1, changed=True),
    "Promote Version": {"Promoted": True},
    "Report Rotation": {"UserId": "app", "EndpointsTested": 1},
    "Roll Back": {
        "UserChanged": True,
        "Told": "User app has its passwords back.",
        "Modification": _BEGUN.to_state(),
    },
    "Describe User Again": _user("active"),
    "Find Endpoints Left": _endpoints(1),
    "Log In With Current": {"Endpoint": "node-0:6379 of cache", "Answers": True},
}
UNCHANGED = USUAL["Roll Back"] | {"UserChanged": False, "Told": ""}

# What each state retries, and how often


def _fewer_attempts(shape: Shape) -> Shape:
    """A Retry with as many attempts as meet each of its errors: that engines count is to be seen.

    How many there are is seen in the definition itself.
    """
    if "MaxAttempts" not in shape:
        return shape
    enough = max(6, ceil(len(shape["ErrorEquals"]) / 2))
    return shape | {"MaxAttempts": min(shape["MaxAttempts"], enough)}


def definition() -> str:
    """The machine as the engines get it; a function's name stands for its ARN."""
    text = DEFINITION.read_text().replace("${Partition}", "aws")
    text = re.sub(r"\$\{(\w+)\}", r"\1", text)
    return json.dumps(json.loads(text, object_hook=_fewer_attempts))


def _tasks(machine: Shape) -> Iterator[tuple[str, Shape]]:
    for name, state in machine["States"].items():
        if state["Type"] == "Task":
            yield name, state
        yield from _tasks(state["ItemProcessor"]) if "ItemProcessor" in state else ()


#: As the definition says; test_definition.py and test_patience.py say what is right.
RETRIES: Mapping[str, Sequence[tuple[Sequence[str], int]]] = {
    name: [(tuple(rule["ErrorEquals"]), rule["MaxAttempts"]) for rule in state["Retry"]]
    for name, state in _tasks(json.loads(definition()))
}


@dataclass(frozen=True)
class Case:
    """An execution, and what has to come of it.

    ``path`` has the states outside of Maps, ``answers`` those of each task that does not just
    succeed, one for each invocation. ``failure`` is the one that Release Version is told of, and
    ``second`` that of the roll back; ``cause`` is the execution's.
    """

    name: str
    path: Path
    answers: Answers = field(default_factory=dict)
    failure: Failure | None = None
    second: Failure | None = None
    cause: str = ""

    @property
    def status(self) -> str:
        """The execution's."""
        return "FAILED" if self.failure else "SUCCEEDED"

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
    slow = [_user("modifying"), _user("modifying"), _user("active")]
    yield Case(
        "RotatedAfterWaiting",
        (*_until("Modify User"), *waiting, *waiting, *_from("Wait For User")),
        {"Describe User": slow},
    )
    dry_run: Answers = {"Check Target": [USUAL["Check Target"] | {"DryRun": True}]}
    yield Case("DryRunPassed", (*CHECKED, "Dry Run Passed"), dry_run)
    lonely = (*_until("Any Endpoint?"), "No Endpoint To Log In To")
    nobody: Answers = {"Find Endpoints": [_endpoints(0)]}
    yield Case("NoEndpointDryRunPassed", (*lonely, "Dry Run?", "Dry Run Passed"), nobody | dry_run)
    yield Case(
        "NoEndpointRotated",
        (*lonely, *_from("Dry Run?")),
        nobody | {"Find Endpoints Again": [_endpoints(0)], "Log In": []},
    )
    # More than one Map works on at once, and all have the same answers: any order is right.
    many: Answers = {task: [USUAL[task]] * 25 for task in ("Check Endpoint", "Log In")}
    found: Answers = {task: [_endpoints(25)] for task in ("Find Endpoints", "Find Endpoints Again")}
    yield Case("ManyEndpointsRotated", ROTATED, many | found)
    # Each round of the loop has all of the retries.
    busy = [Throw("UserNotFoundError")] * 4
    yield Case(
        "EachRoundRecovers",
        (*_until("Modify User"), *waiting, *_from("Wait For User")),
        {"Describe User": [*busy, _user("modifying"), *busy, _user("active")]},
    )
    # A user that somebody deletes is left alone.
    deleting = "User app has status deleting while its password is being changed."
    yield _failed(
        "UserCannotBecomeActive",
        (*_until("User Active?"), "User Cannot Become Active", *NOTHING_CHANGED),
        {"Describe User": [_user("deleting")], "Roll Back": [UNCHANGED]},
        Failure("UserStatusError", deleting),
    )
    unreachable = [Throw("EndpointUnreachableError")] * 7
    moved = (*_until("Test Authentication"), "Find Endpoints Now", "Endpoints Changed?")
    yield Case(
        "EndpointsChanged",
        (*moved, *_from("Test Authentication")),
        {"Log In": [*unreachable, USUAL["Log In"]]},
    )
    yield _failed(
        "EndpointsTheSame",
        (*moved, *PUT_BACK),
        {"Log In": unreachable, "Find Endpoints Now": [_endpoints(1)]},
        _failure("Log In", "EndpointUnreachableError"),
    )
    before = _until("Promote Version")
    waiting = ("Wait For Roll Back", "Describe User Again", "User Back?")
    yield _failed(
        "PutBackAfterWaiting",
        (*before, *PUT_BACK[:2], *waiting, *waiting, *PUT_BACK[2:]),
        _DENIED | {"Describe User Again": slow},
        _FIRST,
    )
    deleting = "User app has status deleting while its passwords are being put back."
    yield _failed(
        "UserCannotBePutBack",
        (*before, *_until("User Back?", PUT_BACK), "User Cannot Be Put Back", *RELEASED),
        _DENIED | {"Describe User Again": [_user("deleting")]},
        _FIRST,
        Failure("UserStatusError", deleting),
    )
    yield _failed(
        "PutBackWithNowhereToLogIn",
        (*before, *PUT_BACK),
        _DENIED | {"Find Endpoints Left": [_endpoints(0)], "Log In With Current": []},
        _FIRST,
    )
    yield _failed(
        "PutBackWithoutAnEndpoint",
        (*before, *_until("Find Endpoints Left", PUT_BACK), *RELEASED),
        _DENIED | {"Find Endpoints Left": [Throw("NoEndpointError")]},
        _FIRST,
    )


def _recoveries() -> Iterator[Case]:
    """Each state meets as many errors as each of its Retry entries allows, and succeeds."""
    for task, entries in RETRIES.items():
        thrown = [
            Throw(errors[n % len(errors)]) for errors, most in entries for n in range(-most, 0)
        ]
        name = f"{_pascal(task)}Recovers"
        if task in _AFTER:
            told = _told(_FIRST) if task == "Release Version" else USUAL[task]
            path = (*_until("Promote Version"), *PUT_BACK)
            yield _failed(name, path, _DENIED | {task: [*thrown, told]}, _FIRST)
        elif task == "Find Endpoints Now":
            again = (task, "Endpoints Changed?", *_from("Test Authentication"))
            lost = [Throw("EndpointUnreachableError")] * 7
            answers: Answers = {"Log In": [*lost, USUAL["Log In"]], task: [*thrown, USUAL[task]]}
            yield Case(name, (*_until("Test Authentication"), *again), answers)
        else:
            yield Case(name, ROTATED, {task: [*thrown, USUAL[task]]})


def _exhaustions() -> Iterator[Case]:
    """Each state meets one error more than one of its Retry entries allows."""
    for task, entries in RETRIES.items():
        for errors, most in entries:
            # The first that are named; the recovery has met the last.
            thrown = [Throw(errors[n % len(errors)]) for n in range(most + 1)]
            yield _broken(f"{_pascal(task)}GivesUpOn{_pascal(thrown[-1].error)}", task, thrown)


def _refusals() -> Iterator[Case]:
    """Each state meets an error that nothing retries."""
    for task in RETRIES:
        yield _broken(f"{_pascal(task)}Breaks", task, [Throw("UnexpectedError")])


def _broken(name: str, task: str, thrown: Sequence[Throw]) -> Case:
    """The task fails for good with the last of these."""
    failure = _failure(task, thrown[-1].error)
    state = AROUND.get(task, task)
    answers: Answers = {task: thrown}
    if task == "Report Rotation":
        return Case(name, ROTATED, answers)
    if task == "Release Version":
        path = (*_until("Promote Version"), *_until(task, PUT_BACK), "Roll Back Failed")
        told = f"{_FIRST.sentence} The roll back failed too, with {failure.error}: "
        return Case(
            name,
            (*path, "Rotation Failed"),
            _DENIED | answers,
            _FIRST,
            cause=told + failure.sentence,
        )
    if task in _AFTER:
        path = (*_until("Promote Version"), *_until(state, PUT_BACK), *RELEASED)
        return _failed(name, path, _DENIED | answers, _FIRST, failure)
    if task == "Find Endpoints Now":
        lost = [Throw("EndpointUnreachableError")] * 7
        path = (*_until("Test Authentication"), task, *PUT_BACK)
        return _failed(name, path, answers | {"Log In": lost}, _failure("Log In", lost[0].error))
    if state in _until("Generate Password"):
        answers["Roll Back"] = [UNCHANGED]
        return _failed(name, (*_until(state), *NOTHING_CHANGED), answers, failure)
    return _failed(name, (*_until(state), *PUT_BACK), answers, failure)


def _failed(
    name: str,
    path: Path,
    answers: Answers,
    failure: Failure,
    second: Failure | None = None,
) -> Case:
    told = _told(failure)
    return Case(name, path, {"Release Version": [told], **answers}, failure, second, told["Cause"])


def _told(failure: Failure) -> Shape:
    return {"Error": failure.error, "Cause": f"{failure.sentence} Told."}


def _failure(task: str, error: str) -> Failure:
    return Failure(error, f"{task} met {error}.")


def _until(state: str, path: Path = ROTATED) -> Path:
    return path[: path.index(state) + 1]


def _from(state: str) -> Path:
    return ROTATED[ROTATED.index(state) :]


def _pascal(name: str) -> str:
    return name.replace(" ", "").replace(".", "")


#: How a rotation fails of which the roll back is looked at.
_DENIED: Answers = {"Promote Version": [Throw("AccessDeniedError")]}
_FIRST = _failure("Promote Version", "AccessDeniedError")
#: The tasks of the roll back.
_AFTER = {INSIDE.get(state, state) for state in PUT_BACK} & {*RETRIES}


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
        cause = _failure(task, answer.error).sentence
        return {"Throw": {"Error": answer.error, "Cause": cause}}
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
