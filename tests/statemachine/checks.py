"""What has to hold of the state machine: functions from an ASL definition to what is wrong with it.

Each gives sentences that name the state, and none if all is well. A definition is the parsed JSON:
``{"StartAt": name, "States": {name: state}}``, with further ones inside of Map states.
"""

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rotation.records.endpoint import Endpoint
from tests.statemachine import lambda_errors

Definition = dict[str, Any]
State = dict[str, Any]
#: A key's place in the execution's state: ``$.Target.UserId`` is ``("Target", "UserId")``.
Path = tuple[str, ...]

MOST_ATTEMPTS = 64
TERMINAL = ("Succeed", "Fail")
TRANSITIONS = ("Next", "End")

#: Step Functions guide, "Handling errors in workflows", "Error names".
STATES_ERRORS = frozenset(
    {
        "States.ALL",
        "States.BranchFailed",
        "States.DataLimitExceeded",
        "States.ExceedToleratedFailureThreshold",
        "States.HeartbeatTimeout",
        "States.Http.Socket",
        "States.IntrinsicFailure",
        "States.ItemReaderFailed",
        "States.NoChoiceMatched",
        "States.ParameterPathFailure",
        "States.Permissions",
        "States.QueryEvaluationError",
        "States.ResultPathMatchFailure",
        "States.ResultWriterFailed",
        "States.Runtime",
        "States.TaskFailed",
        "States.Timeout",
    }
)
#: How a function that was killed, and one that ran out of time, are named by the Lambda runtime
#: itself; the guide documents Lambda.Unknown for both.
RUNTIME_ERRORS = frozenset({"Runtime.ExitError", "Sandbox.Timedout"})
#: What says nothing about the rotation: every Task has to retry it.
ALWAYS_RETRIED = frozenset(
    {
        *lambda_errors.RETRIED,
        *RUNTIME_ERRORS,
        "ServiceUnavailableError",
        "States.Timeout",
        "ThrottlingError",
    }
)
#: What else each handler can meet that may be gone a moment later.
RETRIED: dict[str, frozenset[str]] = {
    "Check Target": frozenset(
        {"UserBusyError", "UserNotFoundError", "VersionNotFoundError", "VersionNotReadableError"}
    ),
    "Find Endpoints": frozenset({"UserNotFoundError"}),
    "Check Endpoint": frozenset(
        {
            "AnyPasswordAcceptedError",
            "CurrentPasswordRefusedError",
            "CurrentPasswordUnknownError",
            "EndpointUnreachableError",
            "VersionNotReadableError",
        }
    ),
    "Generate Password": frozenset({"RotationSupersededError", "VersionNotReadableError"}),
    "Modify User": frozenset(
        {
            "AccessDeniedError",
            "RotationSupersededError",
            "UserBusyError",
            "UserNotFoundError",
            "VersionNotReadableError",
        }
    ),
    "Describe User": frozenset({"UserNotFoundError"}),
    "Log In": frozenset(
        {
            "AnyPasswordAcceptedError",
            "EndpointUnreachableError",
            "PasswordRefusedError",
            "VersionNotReadableError",
        }
    ),
    "Promote Version": frozenset({"RotationSupersededError", "VersionNotReadableError"}),
    "Log In With Current": frozenset({"PasswordRefusedError", "VersionNotReadableError"}),
}
#: What is kept for a person who looks at a state's output.
FOR_PEOPLE = frozenset({"Promotion", "ReportFailure", "VerificationFailure"})
#: Of the context object (Step Functions guide, "Accessing execution data from the Context object").
CONTEXT = frozenset(
    {"$$.Execution.Id", "$$.Execution.Input", "$$.Map.Item.Value", "$$.State.EnteredTime"}
)
LAMBDA_INVOKE = "arn:${Partition}:states:::lambda:invoke"
#: What lambda:invoke gives besides the function's answer is of no use to a rotation.
LAMBDA_RESULT: frozenset[Path] = frozenset({(), ("Payload",), ("StatusCode",)})
#: Where all that fails in a state goes on, if it is not Verify Current Password: nothing was
#: changed, a promotion may still be under way, or it is what comes after a failure itself.
WAYS_OF_FAILURES = {
    "Check Target": "Close Rotation",
    "Find Endpoints": "Close Rotation",
    "Check Network": "Close Rotation",
    "Generate Password": "Close Rotation",  # pragma: allowlist secret
    "Promote Version": "Wait For Promotion",
    "Verify Current Password": "Close Rotation",  # pragma: allowlist secret
    "Log In With Current": "Current Password Not Verified",
    "Close Rotation": "Rotation Not Closed",
    "Report Rotation": "Rotated",
}
#: ``(from, to, by)``: no way leads from one state to the other but by the third.
ONLY_BY = (
    ("Modify User", "Close Rotation", "Verify Current Password"),
    ("Promote Version", "Verify Current Password", "Wait For Promotion"),
    ("Check Target", "Rotation Failed", "Close Rotation"),
    ("Close Rotation", "Report Rotation", "Promoted After All?"),
    ("Check Target", "Rotated", "Report Rotation"),
)
#: The one state that writes to the user, and does so once.
WRITES_TO_THE_USER = "Modify User"
MOST_STATES = 30
#: States that share the handler of another.
SAME_HANDLER = {"Find Endpoints Again": "Find Endpoints"}
#: What a handler reads only in another of its states.
NOT_PASSED = {"Find Endpoints": frozenset({"Network"})}
#: The item of each Map.
ITEM = frozenset({(), *((key,) for key in Endpoint("", "", 0).to_state())})
#: The handlers that are no state's: Secrets Manager calls one, EventBridge the others.
OTHER_HANDLERS = {"check_overdue", "rotate_secret", "notify_failure"}
#: Versions' ids, and a yes or no: no password.
HARMLESS_KEYS = frozenset({"FirstPasswordCandidates", "ReplaceUnknownPassword"})

_TITLE = re.compile(r"[A-Z][a-z]*( [A-Z][a-z]*)*\??")
_SECRET_KEY = re.compile(r"pass_?(word|wd|phrase)|pwd|secret_?(string|value|binary)|auth_?token|"
                         r"rotation_?token|credential", re.IGNORECASE)  # fmt: skip
_SUBSTITUTION = re.compile(r"\$\{([^}]*)\}")
_QUOTED = re.compile(r"'(?:\\.|[^'\\])*'")
_REFERENCE = re.compile(r"\$\$?(?:\.[A-Za-z_]\w*)*")


@dataclass(frozen=True)
class Place:
    """A state, and the machine that it is one of. ``nested`` is true inside of a Map."""

    name: str
    state: State
    machine: Definition
    nested: bool


def machines(definition: Definition) -> Iterator[tuple[Definition, bool]]:
    """The definition and all those inside of it, each with whether it is inside."""
    yield definition, False
    for state in definition["States"].values():
        inner = [state[key] for key in ("ItemProcessor", "Iterator") if key in state]
        for machine in [*inner, *state.get("Branches", ())]:
            yield from ((each, True) for each, _ in machines(machine))


def places(definition: Definition, *types: str) -> Iterator[Place]:
    """Every state, also inside of Maps; only those of some types, if any are given."""
    for machine, nested in machines(definition):
        for name, state in machine["States"].items():
            if not types or state.get("Type") in types:
                yield Place(name, state, machine, nested)


def next_states(state: State) -> list[str]:
    """The states that a state leads to, by whichever way."""
    ways = [state, *state.get("Choices", ()), *state.get("Catch", ())]
    found = [way["Next"] for way in ways if "Next" in way]
    return [*found, state["Default"]] if "Default" in state else found


def reached(machine: Definition, start: str) -> set[str]:
    """The states that a state leads to, and it itself."""
    found: set[str] = set()
    ahead = [start]
    while ahead:
        name = ahead.pop()
        if name not in found and name in machine["States"]:
            found.add(name)
            ahead.extend(next_states(machine["States"][name]))
    return found


def dangling(definition: Definition) -> list[str]:
    """Every StartAt, Next and Default is a state of the same machine."""
    found = []
    for machine, _ in machines(definition):
        if machine["StartAt"] not in machine["States"]:
            found.append(f"StartAt is {machine['StartAt']!r}, which does not exist")
        for name, state in machine["States"].items():
            found += [
                f"{name} leads to {to!r}, which does not exist"
                for to in next_states(state)
                if to not in machine["States"]
            ]
    return found


def unreachable(definition: Definition) -> list[str]:
    """Every state can be reached from its machine's StartAt."""
    return [
        f"{name} is never reached"
        for machine, _ in machines(definition)
        for name in machine["States"].keys() - reached(machine, machine["StartAt"])
    ]


def transitions(definition: Definition) -> list[str]:
    """A state has exactly one of Next and End; a Choice, Succeed or Fail has neither."""
    found = []
    for place in places(definition):
        has = [key for key in TRANSITIONS if key in place.state]
        if place.state.get("Type") in ("Choice", *TERMINAL):
            if has:
                found.append(f"{place.name} is a {place.state['Type']} and has {has}")
        elif len(has) != 1 or place.state.get("End", True) is not True:
            found.append(f"{place.name} needs one of Next and End: true, and has {has}")
    return found


def size(definition: Definition) -> list[str]:
    """The machine fits on a screen, and in a head."""
    count = sum(1 for _ in places(definition))
    return [f"{count} states, more than {MOST_STATES}"] if count > MOST_STATES else []


def endings(definition: Definition) -> list[str]:
    """Every path ends in Succeed or Fail; only inside of a Map, a path may just End."""
    found = []
    for machine, nested in machines(definition):
        ends = {
            name
            for name, state in machine["States"].items()
            if state.get("Type") in TERMINAL or (nested and state.get("End"))
        }
        for name, state in machine["States"].items():
            if not nested and "End" in state:
                found.append(f"{name} ends the execution without a Succeed or Fail")
            elif not reached(machine, name) & ends:
                found.append(f"{name} never comes to an end")
    return found


def choices(definition: Definition) -> list[str]:
    """Every Choice has rules and a Default."""
    return [
        f"{place.name} has no {key}"
        for place in places(definition, "Choice")
        for key in ("Choices", "Default")
        if not place.state.get(key)
    ]


def tasks(definition: Definition) -> list[str]:
    """Every Task has a timeout and invokes a Lambda function that deployment puts in."""
    found = []
    for place in places(definition, "Task"):
        timeout = place.state.get("TimeoutSeconds")
        if not isinstance(timeout, int) or timeout <= 0:
            found.append(f"{place.name} has no TimeoutSeconds")
        if place.state.get("Resource") != LAMBDA_INVOKE:
            found.append(f"{place.name} has Resource {place.state.get('Resource')!r}")
        name = place.state.get("Parameters", {}).get("FunctionName", "")
        if not re.fullmatch(r"\$\{\w+Function\}", name):
            found.append(f"{place.name} has FunctionName {name!r}, which is no substitution")
        selected = [text for _, text in _items(place.state.get("ResultSelector", {}))]
        selected = [text for text in selected if isinstance(text, str)]
        if place.state.get("OutputPath") != "$.Payload" and not selected:
            found.append(f"{place.name} hands on more than the function's answer")
    return found


def substitutions(definition: Definition, provided: Collection[str]) -> list[str]:
    """What the definition leaves open is what the template puts in."""
    used = {name for text in _strings(definition) for name in _SUBSTITUTION.findall(text)}
    return [
        *(f"${{{name}}} is not in DefinitionSubstitutions" for name in sorted(used - {*provided})),
        *(f"DefinitionSubstitutions: {name} is not used" for name in sorted({*provided} - used)),
    ]


def comments(definition: Definition) -> list[str]:
    """Every state, and the machine, has a Comment: the console's graph is documentation.

    It says more than the name does, in whole sentences.
    """
    found = []
    for place in places(definition):
        comment = str(place.state.get("Comment", "")).strip()
        more = {*re.findall(r"\w+", comment.lower())} - {*place.name.lower().strip("?").split()}
        if not comment:
            found.append(f"{place.name} has no Comment")
        elif len(more) < 3 or not re.fullmatch(r"[A-Z].*\.", comment):
            found.append(f"{place.name} has a Comment that is no sentence, or only its name again")
    return found if definition.get("Comment") else ["the machine has no Comment", *found]


def names(definition: Definition) -> list[str]:
    """Names are in Title Case and unique; a Choice, and nothing else, asks a question."""
    found = []
    seen: set[str] = set()
    for place in places(definition):
        if not _TITLE.fullmatch(place.name):
            found.append(f"{place.name} is not in Title Case")
        if (place.state.get("Type") == "Choice") != place.name.endswith("?"):
            found.append(f"{place.name}: a Choice asks a question, and nothing else does")
        if place.name in seen:
            found.append(f"{place.name} is the name of two states")
        seen.add(place.name)
    return found


def error_names(definition: Definition, raised: Collection[str]) -> list[str]:
    """Retry and Catch name errors that can be: ours, by the class that is raised, or AWS's.

    Lambda tells the name of an exception's own class. A name of a base class matches nothing.
    """
    known = {*raised, *STATES_ERRORS, *lambda_errors.NAMES, *RUNTIME_ERRORS}
    return [
        f"{place.name}: {name} in its {kind} is the name of no error"
        for place in places(definition)
        for kind, rule in _rules(place.state)
        for name in rule["ErrorEquals"]
        if name not in known
    ]


def transient_errors(definition: Definition, transient: Collection[str]) -> list[str]:
    """Every error that is documented as transient is retried by some state."""
    retried = {
        name
        for place in places(definition)
        for kind, rule in _rules(place.state)
        if kind == "Retry"
        for name in rule["ErrorEquals"]
    }
    return [f"{name} is transient and never retried" for name in sorted({*transient} - retried)]


def catch_all(definition: Definition) -> list[str]:
    """States.ALL stands alone, in the last rule, and never in a Retry."""
    found = []
    for place in places(definition):
        for kind in ("Retry", "Catch"):
            rules = place.state.get(kind, [])
            for rule in rules:
                if "States.ALL" not in rule["ErrorEquals"]:
                    continue
                if kind == "Retry":
                    found.append(f"{place.name} retries States.ALL")
                if rule["ErrorEquals"] != ["States.ALL"]:
                    found.append(f"{place.name}: States.ALL is not alone in its {kind}")
                if rule is not rules[-1]:
                    found.append(f"{place.name}: States.ALL is not last in its {kind}")
    return found


def retries(definition: Definition) -> list[str]:
    """Every Retry is bounded in number and in delay, with full jitter; no error is in two."""
    found = []
    for place in places(definition):
        seen: set[str] = set()
        for rule in place.state.get("Retry", ()):
            where = f"{place.name}, Retry of {', '.join(rule['ErrorEquals'])}"
            if not 1 <= rule.get("MaxAttempts", 0) <= MOST_ATTEMPTS:
                found.append(f"{where}: MaxAttempts is not from 1 to {MOST_ATTEMPTS}")
            if not 1 <= rule.get("IntervalSeconds", 0) <= rule.get("MaxDelaySeconds", 0):
                found.append(f"{where}: needs IntervalSeconds, and MaxDelaySeconds not below it")
            if rule.get("BackoffRate", 0) <= 1:
                found.append(f"{where}: BackoffRate is not above 1")
            if rule.get("JitterStrategy") != "FULL":
                found.append(f"{where}: JitterStrategy is not FULL")
            # Only the first rule that names an error counts its attempts.
            found += [f"{where}: {name} is twice" for name in rule["ErrorEquals"] if name in seen]
            seen.update(rule["ErrorEquals"])
        if place.state.get("Type") == "Task":
            wanted = ALWAYS_RETRIED | RETRIED.get(_handler_of(place.name), frozenset())
            found += [f"{place.name} does not retry {name}" for name in sorted(wanted - seen)]
            found += [f"{place.name} has no {name} to retry" for name in sorted(seen - wanted)]
    return found


def average_wait(rule: State) -> float:
    """Seconds that a Retry waits if it is used up: FULL jitter takes half of a delay on average."""
    delays = (
        min(rule["IntervalSeconds"] * rule["BackoffRate"] ** number, rule["MaxDelaySeconds"])
        for number in range(rule["MaxAttempts"])
    )
    return float(sum(delays) / 2)


def catches(definition: Definition) -> list[str]:
    """Every Task and Map outside of a Map catches all, and keeps what is known.

    Inside of a Map only what comes after a failure does: the Map's own Catch sees the error of an
    item.
    """
    found = []
    for place in places(definition, "Task", "Map", "Parallel"):
        rules = place.state.get("Catch", [])
        if place.nested and place.name not in WAYS_OF_FAILURES:
            found += [f"{place.name} is inside of a Map and has a Catch"] if rules else []
            continue
        way = WAYS_OF_FAILURES.get(place.name, "Verify Current Password")
        if not any(rule["ErrorEquals"] == ["States.ALL"] for rule in rules):
            found.append(f"{place.name} does not catch States.ALL")
        for rule in rules:
            if rule["ErrorEquals"] == ["States.ALL"] and rule["Next"] != way:
                found.append(f"{place.name}: its Catch leads to {rule['Next']}, not to {way}")
            if not re.fullmatch(r"\$(\.\w+)+", rule.get("ResultPath", "$")):
                found.append(f"{place.name}: its Catch replaces all that is known")
    return found


def detours(definition: Definition) -> list[str]:
    """Each way passes the states of ONLY_BY, and none comes back to a write to the user."""
    states = definition["States"]
    found = []
    for start, end, by in ONLY_BY:
        without = {"States": {name: state for name, state in states.items() if name != by}}
        if end in reached(without, start):
            found.append(f"a way leads from {start} to {end} past {by}")
    for name in next_states(states.get(WRITES_TO_THE_USER, {})):
        if WRITES_TO_THE_USER in reached(definition, name):
            found.append(f"{name} leads back to {WRITES_TO_THE_USER}")
    return found


def results(definition: Definition, run_state: str) -> list[str]:
    """Each result is kept where somebody reads it, and what RunState reads of them is there.

    Args:
        definition: the machine.
        run_state: the text of functions/rotation/records/run_state.py.
    """
    states = definition["States"]
    before = _paths_before(definition, frozenset({()}))
    written = {path for name in before for path in _after(states[name], before[name])}
    for state in states.values():
        for rule in state.get("Catch", ()):
            written |= {_path(f"{rule['ResultPath']}{key}") for key in ("", ".Error", ".Cause")}
    wanted: set[Path] = {(key,) for key in keys_of("state", run_state)}
    wanted |= {("Network", key) for key in keys_of("network", run_state)}
    read = {path[:1] for path in wanted} | {(key,) for key in FOR_PEOPLE}
    for name, paths in before.items():
        for _, text, _ in _reads(states[name], paths, paths):
            read |= {_path(reference)[:1] for reference in _references(text)}
    kept = [
        (name, way["ResultPath"])
        for name, state in states.items()
        for way in (state, *state.get("Catch", ()))
        if way.get("ResultPath")
    ]
    return [
        *(f"nothing writes {'.'.join(path)}" for path in sorted(wanted - written)),
        *(
            f"{name} writes {path}: nothing reads it"
            for name, path in kept
            if _path(path)[:1] not in read
        ),
        *(
            f"{place.name} tells no {key}"
            for place in places(definition, "Pass")
            if place.state.get("ResultPath") in ("$.Failure", "$.Closing")
            for key in ("Error", "Cause")
            if not {key, f"{key}.$"} & place.state["Parameters"].keys()
        ),
    ]


def keys_of(name: str, source: str) -> set[str]:
    """The keys that a source reads of a dict of this name: by [], by get, or by asking for them."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case (
                ast.Subscript(ast.Name(holder), ast.Constant(str(key)))
                | ast.Call(ast.Attribute(ast.Name(holder), "get"), [ast.Constant(str(key)), *_])
                | ast.Compare(ast.Constant(str(key)), [ast.In()], [ast.Name(holder)])
            ) if holder == name:
                found.add(key)
    return found


def failures(definition: Definition) -> list[str]:
    """There is a Fail, and each tells the error and the cause that the execution met."""
    fails = list(places(definition, "Fail"))
    return ([] if fails else ["there is no Fail"]) + [
        f"{place.name} has no {key}"
        for place in fails
        for key in ("ErrorPath", "CausePath")
        if key not in place.state
    ]


def secrets(definition: Definition) -> list[str]:
    """No state passes anything that has a password's name: an execution's history keeps it all."""
    found = []
    for place in places(definition):
        own = {
            key: value
            for key, value in place.state.items()
            if key not in ("ItemProcessor", "Iterator", "Branches", "Comment", "Retry", "Catch")
        }
        for key, value in _items(own):
            named = [key.removesuffix(".$"), *_steps(value)]
            found += [
                f"{place.name} passes {name}"
                for name in named
                if _SECRET_KEY.search(name) and name not in HARMLESS_KEYS
            ]
    return sorted(set(found))


def handlers(definition: Definition, lines: Mapping[str, int]) -> list[str]:
    """Each Task has its handler file, and each file its state.

    Args:
        definition: the machine.
        lines: how many lines each ``functions/*.py`` has, by its name without ``.py``.
    """
    named = {place.name for place in places(definition, "Task")}
    wanted = {_snake(_handler_of(name)) for name in named} | OTHER_HANDLERS
    found = [f"functions/{name}.py is missing" for name in sorted(wanted - {*lines})]
    found += [f"functions/{name}.py belongs to no state" for name in sorted({*lines} - wanted)]
    for place in places(definition, "Task"):
        pascal = _handler_of(place.name).replace(" ", "")
        function = place.state.get("Parameters", {}).get("FunctionName")
        if function != f"${{{pascal}Function}}":
            found.append(f"{place.name} invokes {function}")
    found += [
        f"functions/{name}.py has {count} lines, not 15 to 50"
        for name, count in lines.items()
        if not 15 <= count <= 50
    ]
    return found


def events(definition: Definition, sources: Mapping[str, str]) -> list[str]:
    """A state passes just what its handler reads, beside what all logs and errors tell.

    Args:
        definition: the machine.
        sources: the text of each file in ``functions/``, by its path there without ``.py``.
    """
    found = []
    for place in places(definition, "Task"):
        source = sources[_snake(_handler_of(place.name))]
        read = keys_of("event", source)
        if "RunState.from_event(event)" in source:
            read |= keys_of("event", sources["rotation/records/run_state"])
        wanted = (read - NOT_PASSED.get(place.name, frozenset())) | {"ExecutionArn", "Since"}
        payload = place.state.get("Parameters", {}).get("Payload", {})
        passed = {key.removesuffix(".$") for key in payload}
        found += [f"{place.name} does not pass {key}" for key in sorted(wanted - passed)]
        found += [
            f"{place.name} passes {key}, which its handler does not read"
            for key in sorted(passed - wanted)
        ]
    return found


def data(definition: Definition) -> list[str]:
    """Every path that a state reads is there by then, on every way that leads to the state."""
    return sorted(set(_data_flow(definition, frozenset({()}))))


def known_before(definition: Definition, name: str) -> frozenset[Path]:
    """The paths that are there, on every way, when a state of the outer machine is entered."""
    return _paths_before(definition, frozenset({()}))[name]


def _data_flow(machine: Definition, entry: frozenset[Path]) -> Iterator[str]:
    for name, paths in _paths_before(machine, entry).items():
        state = machine["States"][name]
        given = _under(paths, _path(state.get("InputPath", "$")))
        for where, text, within in _reads(state, paths, given):
            for reference in _references(text):
                if reference.startswith("$$"):
                    if reference not in CONTEXT:
                        yield f"{name}: {where} reads {reference}, which no context has"
                elif _path(reference) not in within:
                    yield f"{name}: {where} reads {reference}, which is not there on every way"
        for key in ("ItemProcessor", "Iterator"):
            if key in state:
                item = state.get("ItemSelector", state.get("Parameters"))
                inner = frozenset({()}) if item is None else _shape(item, given)
                yield from _data_flow(state[key], inner)
        for branch in state.get("Branches", ()):
            yield from _data_flow(branch, given)


def _paths_before(machine: Definition, entry: frozenset[Path]) -> dict[str, frozenset[Path]]:
    """For each reachable state, the paths that every way to it has put there."""
    before = {machine["StartAt"]: entry}
    ahead = [machine["StartAt"]]
    while ahead:
        name = ahead.pop()
        state = machine["States"][name]
        after = _after(state, before[name])
        ways = [(to, after) for to in next_states({**state, "Catch": []})]
        for rule in state.get("Catch", ()):
            caught: frozenset[Path] = frozenset({(), ("Error",), ("Cause",)})
            ways.append((rule["Next"], _put(before[name], rule.get("ResultPath", "$"), caught)))
        for to, paths in ways:
            known = before[to] & paths if to in before else paths
            if before.get(to) != known:
                before[to] = known
                ahead.append(to)
    return before


def _after(state: State, paths: frozenset[Path]) -> frozenset[Path]:
    given = _under(paths, _path(state.get("InputPath", "$")))
    kind = state["Type"]
    if kind == "Task":
        result = LAMBDA_RESULT
    elif kind in ("Map", "Parallel"):
        result = frozenset({()})
    elif kind == "Pass" and "Parameters" in state:
        result = _shape(state["Parameters"], given)
    elif kind == "Pass" and "Result" in state:
        result = _shape(state["Result"], given)
    else:
        result = given
    if "ResultSelector" in state:
        result = _shape(state["ResultSelector"], frozenset({()}))
    if kind in ("Task", "Map", "Parallel", "Pass"):
        result = _put(paths, state.get("ResultPath", "$"), result)
    return _under(result, _path(state.get("OutputPath", "$")))


def _reads(
    state: State, paths: frozenset[Path], given: frozenset[Path]
) -> Iterator[tuple[str, str, frozenset[Path]]]:
    """``(key, text with paths in it, the paths that are there)`` for all that a state reads."""
    yield "InputPath", state.get("InputPath") or "$", paths
    for key in ("Parameters", "ItemSelector"):
        for name, value in _items(state.get(key, {})):
            if name.endswith(".$"):
                yield key, value, given
    for key in ("ItemsPath", "SecondsPath", "TimestampPath", "ErrorPath", "CausePath"):
        if key in state:
            yield key, state[key], given
    for rule in _tests(state.get("Choices", [])):
        if "IsPresent" not in rule:
            yield "Variable", rule["Variable"], given
        for key, value in rule.items():
            if key.endswith("Path"):
                yield key, value, given
    if state["Type"] == "Task":
        # What is inside of a function's answer is the function's to know.
        result = LAMBDA_RESULT
        for name, value in _items(state.get("ResultSelector", {})):
            if name.endswith(".$"):
                yield "ResultSelector", ".".join(value.split(".")[:2]), result


def _tests(rules: list[State]) -> Iterator[State]:
    for rule in rules:
        inner = [
            *rule.get("And", ()),
            *rule.get("Or", ()),
            *([rule["Not"]] if "Not" in rule else []),
        ]
        if inner:
            yield from _tests(inner)
        elif "Variable" in rule:
            yield rule


def _shape(template: Any, given: frozenset[Path]) -> frozenset[Path]:
    """The paths that a payload template makes."""
    found: set[Path] = {()}
    if isinstance(template, dict):
        for key, value in template.items():
            if key.endswith(".$"):
                plain = value.startswith("$") and not value.startswith("$$")
                inner = _under(given, _path(value)) if plain else frozenset({()})
                inner = ITEM if value == "$$.Map.Item.Value" else inner
            else:
                inner = _shape(value, given)
            found.update((key.removesuffix(".$"), *path) for path in inner | {()})
    return frozenset(found)


def _put(paths: frozenset[Path], place: str | None, result: frozenset[Path]) -> frozenset[Path]:
    """The paths once a result is at its ResultPath; null keeps none of it."""
    if place is None:
        return paths
    at = _path(place)
    kept = {path for path in paths if path[: len(at)] != at}
    above = {at[:length] for length in range(len(at))}
    return frozenset(kept | above | {(*at, *path) for path in result})


def _under(paths: frozenset[Path], at: Path) -> frozenset[Path]:
    return frozenset(path[len(at) :] for path in paths if path[: len(at)] == at) | {()}


def _references(text: str) -> list[str]:
    return _REFERENCE.findall(_QUOTED.sub("", text))


def _path(reference: str | None) -> Path:
    return tuple((reference or "$").split(".")[1:])


def _steps(value: object) -> list[str]:
    texts = _references(value) if isinstance(value, str) else []
    return [step for text in texts for step in _path(text)]


def _rules(state: State) -> Iterator[tuple[str, dict[str, Any]]]:
    for kind in ("Retry", "Catch"):
        for rule in state.get(kind, ()):
            yield kind, rule


def _items(value: object) -> Iterator[tuple[str, Any]]:
    """Every key of a JSON value, at any depth, with its value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from _items(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _items(inner)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def _handler_of(name: str) -> str:
    return SAME_HANDLER.get(name, name)


def _snake(name: str) -> str:
    return name.lower().replace(" ", "_")
