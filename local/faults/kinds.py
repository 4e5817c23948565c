"""The table of faults, and how they are written."""

import json
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from botocore.loaders import Loader

from local.instance import LocalAwsError

_ROOT = Path(__file__).resolve().parents[2]
_ONCE, _ALWAYS = range(1, 2), range(1, sys.maxsize)
_MOST_SECONDS = 3600


class FaultError(LocalAwsError):
    """There is no such fault; the text is one line that names it and the known ones."""


@dataclass(frozen=True)
class Kind:
    """A line of the table: the arguments, those in brackets optional, and what happens."""

    arguments: str
    does: str
    also: str = ""  # what its API may be besides a call of a function
    calls: range = _ONCE
    target: str = ""  # the call that it waits for, where no argument says so

    @property
    def names(self) -> list[str]:
        return re.findall(r"[A-Z]+", self.arguments)


KINDS: dict[str, Kind] = {
    "throttle": Kind("API[:CALLS]", "The call is throttled and has no effect", "Invoke"),
    "error-500": Kind(
        "API[:CALLS]", "The service fails with status 500; the call has no effect", "Invoke"
    ),
    "deny": Kind("API[:CALLS]", "IAM denies the call; by default, every call", "Invoke", _ALWAYS),
    "lose-reply": Kind("API[:CALLS]", "The call takes effect; its answer is lost"),
    "kill-before": Kind(
        "API[:CALLS]", "The calling function is killed; the call has no effect", "AUTH"
    ),
    "kill-after": Kind(
        "API[:CALLS]", "The call takes effect; the calling function is killed", "AUTH"
    ),
    "stale": Kind("READ[:CALLS]", "The read returns what it returned before the last change"),
    "rate-limit": Kind("RATE", "Each service throttles calls beyond RATE per second"),
    "lambda-error": Kind(
        "ERROR[:CALLS][:FUNCTION]",
        "Lambda answers an invocation with ERROR; CALLS counts those of FUNCTION, or all",
        target="invocation",
    ),
    "idle-function": Kind(
        "SECONDS[:FUNCTION]",
        "FUNCTION, or each function in the VPC, is ready SECONDS after its first invocation",
        calls=_ALWAYS,
        target="invocation",
    ),
    "one-at-a-time": Kind(
        "", "A user can be modified only while no other user of its user groups is"
    ),
    "busy-user": Kind(
        "SECONDS[:CALLS]",
        "Another process modifies the user for SECONDS, just before ModifyUser",
        target="ModifyUser",
    ),
    "keep-modifying": Kind("SECONDS", "Modifications that begin from now on take SECONDS"),
    "lag-tags": Kind(
        "SECONDS", "A user's tags cannot be read until SECONDS after they are written"
    ),
    "hide-tags": Kind("", "IAM sees no tags of a user while they cannot be read"),
    "lag-password": Kind("NODE:SECONDS", "The node applies a modification SECONDS later"),
    "drop-node": Kind("NODE[:STATE]", "The node drops new connections"),
    "slow-node": Kind("NODE:SECONDS[:STATE]", "The node delays new connections"),
    "wrong-certificate": Kind("NODE[:STATE]", "The node's certificate is from another authority"),
    "plain-node": Kind("NODE[:STATE]", "The node does not speak TLS"),
    "open-node": Kind("NODE[:STATE]", "The node accepts any password"),
    "stop-at": Kind("STATE[:CALLS]", "The execution is stopped when it enters the state"),
}
#: Faults that make a node unreachable by design: a watcher's failed connection proves nothing.
UNREACHABLE = ("drop-node", "slow-node", "wrong-certificate", "plain-node")
ARGUMENTS = {
    "API": "A call that functions make, such as ModifyUser",
    "Invoke": "As API: Step Functions invokes a function",
    "AUTH": "As API: a function logs in to a node (only on Linux)",
    "READ": "An API that describes, lists or gets, such as DescribeSecret",
    "CALLS": "Which calls from now on: 2, 1-3, or 4- for the 4th and later; default: 1",
    "ERROR": "An error of Lambda's Invoke, such as ResourceNotReadyException",
    "FUNCTION": "As in template.yaml, such as LogIn or RotateSecret",
    "NODE": "1 is the first node of each cache",
    "RATE": "1 to 99999",
    "SECONDS": "0 to 3600",
    "STATE": 'Such as "Log In"; a fault of a node begins when that state is entered',
}


@dataclass(frozen=True)
class Fault:
    """One fault as it was asked for; `target` is the call or the state that it waits for."""

    text: str
    kind: str
    target: str = ""
    calls: range = _ONCE
    node: int = 0
    seconds: float = 0.0
    rate: int = 0
    error: str = ""
    functions: frozenset[str] = frozenset()  # those that it is limited to


def parse(text: str, nodes: int = 0) -> Fault:
    """The fault of ``NAME[:ARG]...``; `nodes` is how many a cache has, or 0; raises FaultError."""
    name, *arguments = text.split(":")
    if name not in KINDS:
        raise FaultError(f"{text}: there is no fault {name!r}. There are {', '.join(KINDS)}.")
    kind = KINDS[name]
    optional = kind.arguments.count("[")
    if not len(kind.names) - optional <= len(arguments) <= len(kind.names):
        raise FaultError(f"{text}: it is written {_written(name, kind)}.")
    values: dict[str, Any] = {"kind": name, "calls": kind.calls, "target": kind.target}
    if name == "idle-function":
        values["functions"] = frozenset(functions(in_vpc=True))
    for argument, value in zip(kind.names, arguments, strict=False):
        try:
            values |= _read(argument, value, kind, nodes)
        except ValueError as wrong:
            raise FaultError(f"{text}: {wrong}") from None
    return Fault(text, **values)


def _read(argument: str, value: str, kind: Kind, nodes: int) -> dict[str, Any]:
    """One argument as a field of a Fault; raises ValueError that lists the known values."""
    if argument in _NAMED:
        field, names = _NAMED[argument]
        known = [*names(), *(kind.also.split() if argument == "API" else [])]
        if value not in known:
            raise ValueError(f"no {argument} {value!r}. There are {', '.join(known)}.")
        if value == "AUTH" and not Path("/proc/net/tcp").exists():
            raise ValueError("the process that logs in is known on Linux only.")
        return {field: frozenset([value]) if argument == "FUNCTION" else value}
    if argument == "CALLS":
        found = re.fullmatch(r"([1-9]\d{0,5})(-([1-9]\d{0,5})?)?", value)
        first = int(found[1]) if found else 0
        last = int(found[3] or sys.maxsize - 1) if found and found[2] else first
        if not first or last < first:
            raise ValueError(f"no CALLS {value!r}. Write 2, 1-3 or 4-.")
        return {"calls": range(first, last + 1)}
    if argument == "SECONDS":
        seconds = float(value) if re.fullmatch(r"\d+(\.\d+)?", value) else -1
        if not 0 <= seconds <= _MOST_SECONDS:
            raise ValueError(f"{value!r} is not a number of SECONDS from 0 to {_MOST_SECONDS}.")
        return {"seconds": seconds}
    number = int(value) if re.fullmatch(r"\d{1,5}", value) else 0
    most = (nodes or "as many as it has") if argument == "NODE" else 99999
    if not number or (isinstance(most, int) and number > most):
        raise ValueError(f"no {argument} {value!r}. There are 1 to {most}.")
    return {argument.lower(): number}


@cache
def apis() -> list[str]:
    """The calls that the functions make, by what their roles allow."""
    allowed = re.findall(r"\b(?:secretsmanager|elasticache|states):([A-Z]\w+)", _template())
    return sorted(set(allowed))


@cache
def reads() -> list[str]:
    """The calls among them that may be answered late.

    Not GetExecutionHistory: of the reads of Step Functions that functions make, it is the one
    whose API reference does not say "eventually consistent".
    """
    other = ("GetRandomPassword", "GetExecutionHistory")
    return [
        api for api in apis() if api.startswith(("Describe", "Get", "List")) and api not in other
    ]


@cache
def states() -> list[str]:
    """The names of the state machine's states, those inside of a Map included."""

    def names(machine: dict[str, Any]) -> Iterable[str]:
        for name, state in machine["States"].items():
            yield name
            if "ItemProcessor" in state:
                yield from names(state["ItemProcessor"])

    return list(names(json.loads((_ROOT / "statemachine/rotation.asl.json").read_text())))


@cache
def functions(*, in_vpc: bool = False) -> list[str]:
    """The functions' names in the template, without "Function"; all, or those in the VPC."""
    resources = re.findall(r"^  (\w+)Function:\n((?:(?:    .*)?\n)+)", _template(), re.MULTILINE)
    return [name for name, body in resources if "VpcConfig" in body or not in_vpc]


@cache
def lambda_errors() -> dict[str, int]:
    """The errors of Lambda's Invoke with their HTTP status, by botocore's model."""
    model = Loader().load_service_model("lambda", "service-2")
    names = [error["shape"] for error in model["operations"]["Invoke"]["errors"]]
    return {name: model["shapes"][name]["error"]["httpStatusCode"] for name in sorted(names)}


def table() -> list[tuple[str, str]]:
    """How each fault is written and what it does, then the arguments."""
    faults = [
        (_written(name, kind), kind.does + (f" (API may be {kind.also})" if kind.also else ""))
        for name, kind in KINDS.items()
    ]
    return [*faults, *ARGUMENTS.items()]


def _written(name: str, kind: Kind) -> str:
    return f"{name}:{kind.arguments}" if kind.arguments else name


def _template() -> str:
    return (_ROOT / "template.yaml").read_text()


#: By argument: the field of a fault, and the names that there are.
_NAMED: dict[str, tuple[str, Callable[[], Iterable[str]]]] = {
    "API": ("target", apis),
    "READ": ("target", reads),
    "STATE": ("target", states),
    "ERROR": ("error", lambda_errors),
    "FUNCTION": ("functions", functions),
}
