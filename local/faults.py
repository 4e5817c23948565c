"""Faults on demand: what the local AWS can be told to do wrong.

One table says what there is; the parser, ``--list-faults`` and docs/local-aws.md follow it. In the
child process one `Faults` decides, and the services ask it where something can go wrong. Calls are
those that the functions make, which the bootstrap in local/deploy.py makes known by their process;
those of a person or a test that looks on are neither counted nor hit.
"""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local.instance import LocalAwsError

logger = logging.getLogger(__name__)

Answer = tuple[int, dict[str, str], str]  # status, headers, body

_ROOT = Path(__file__).resolve().parent.parent
_ONCE, _ALWAYS = range(1, 2), range(1, sys.maxsize)
_MOST_SECONDS = 3600


class FaultError(LocalAwsError):
    """A fault that there is not; the text is one line that names it and what there is."""


@dataclass(frozen=True)
class Kind:
    """A line of the table: the arguments, those in brackets optional, and what happens."""

    arguments: str
    does: str
    also: str = ""  # what its API may be besides a call of a function
    calls: range = _ONCE

    @property
    def names(self) -> list[str]:
        """The arguments' names, which are the keys of ARGUMENTS."""
        return re.findall(r"[A-Z]+", self.arguments)


KINDS: dict[str, Kind] = {
    "throttle": Kind("API[:CALLS]", "The call is throttled and has no effect", "Invoke"),
    "error-500": Kind("API[:CALLS]", "The service fails (status 500), no effect", "Invoke"),
    "deny": Kind("API[:CALLS]", "IAM denies the call; by default every one", "Invoke", _ALWAYS),
    "lose-reply": Kind("API[:CALLS]", "The call takes effect, and its answer is lost"),
    "kill-before": Kind("API[:CALLS]", "The function that calls is killed, no effect", "AUTH"),
    "kill-after": Kind("API[:CALLS]", "The call takes effect, and its function is killed", "AUTH"),
    "rate-limit": Kind("RATE", "Each service throttles calls beyond so many in a second"),
    "one-at-a-time": Kind("", "A user is modified only while no other of its user groups is"),
    "busy-user": Kind("SECONDS[:CALLS]", "Somebody else modifies the user, just before ModifyUser"),
    "keep-modifying": Kind("SECONDS", "Modifications that begin now take so long"),
    "lag-password": Kind("NODE:SECONDS", "The node learns of a modification so much later"),
    "drop-node": Kind("NODE[:STATE]", "The node drops new connections"),
    "slow-node": Kind("NODE:SECONDS[:STATE]", "The node lets new connections wait"),
    "wrong-certificate": Kind("NODE[:STATE]", "The node's certificate is another authority's"),
    "plain-node": Kind("NODE[:STATE]", "The node does not speak TLS"),
    "open-node": Kind("NODE[:STATE]", "The node takes any password"),
    "stop-at": Kind("STATE[:CALLS]", "The execution is stopped when it has entered the state"),
}
#: Faults that make a node unreachable by design: a watcher's failed connection proves nothing.
UNREACHABLE = ("drop-node", "slow-node", "wrong-certificate", "plain-node")
ARGUMENTS = {
    "API": "A call that functions make, such as ModifyUser",
    "Invoke": "As API: Step Functions calls a function",
    "AUTH": "As API: a function logs in to a node (only on Linux)",
    "CALLS": "2, or 1-3, or 4- for all from the 4th on, counted from now; default: 1",
    "NODE": "1 is the first node of each cache",
    "RATE": "1 to 99999",
    "SECONDS": "0 to 3600",
    "STATE": 'Such as "Log In"; a fault of a node begins when that state is entered',
}
# What the services answer, by the name that requests to them are signed with.
_ANSWERS: dict[str, dict[str, tuple[str, int]]] = {
    "throttle": {
        "elasticache": ("Throttling", 400),
        "secretsmanager": ("ThrottlingException", 400),
        "states": ("ThrottlingException", 400),
        "lambda": ("TooManyRequestsException", 429),
    },
    "error-500": {
        "elasticache": ("InternalFailure", 500),
        "secretsmanager": ("InternalServiceError", 500),
        "states": ("InternalFailure", 500),
        "lambda": ("ServiceException", 500),
    },
    "deny": {
        "elasticache": ("AccessDenied", 403),
        "secretsmanager": ("AccessDeniedException", 400),
        "states": ("AccessDeniedException", 400),
        "lambda": ("AccessDeniedException", 403),
    },
}


@dataclass(frozen=True)
class Fault:
    """One fault as it was asked for; ``target`` is the call or the state that it waits for."""

    text: str
    kind: str
    target: str = ""
    calls: range = _ONCE
    node: int = 0
    seconds: float = 0.0
    rate: int = 0


def parse(text: str, nodes: int = 0) -> Fault:
    """The fault of ``NAME[:ARG]...``; `nodes` is how many a cache has, 0 if that is not known.

    Raises:
        FaultError
    """
    name, *given = text.split(":")
    if name not in KINDS:
        raise FaultError(f"{text}: there is no fault {name!r}. There are {', '.join(KINDS)}.")
    kind = KINDS[name]
    optional = kind.arguments.count("[")
    if not len(kind.names) - optional <= len(given) <= len(kind.names):
        raise FaultError(f"{text}: it is written {_written(name, kind)}.")
    values: dict[str, Any] = {"kind": name, "calls": kind.calls}
    if name == "busy-user":
        values["target"] = "ModifyUser"
    for argument, value in zip(kind.names, given, strict=False):
        try:
            values |= _read(argument, value, kind, nodes)
        except ValueError as wrong:
            raise FaultError(f"{text}: {wrong}") from None
    return Fault(text, **values)


def _read(argument: str, value: str, kind: Kind, nodes: int) -> dict[str, Any]:
    """One argument as fields of a Fault; raises ValueError with what there is instead."""
    if argument in ("API", "STATE"):
        known = [*apis(), *kind.also.split()] if argument == "API" else states()
        if value not in known:
            raise ValueError(f"no {argument} {value!r}. There are {', '.join(known)}.")
        if value == "AUTH" and not Path("/proc/net/tcp").exists():
            raise ValueError("whose login it is can be told on Linux only.")
        return {"target": value}
    if argument == "CALLS":
        found = re.fullmatch(r"([1-9]\d{0,5})(-([1-9]\d{0,5})?)?", value)
        first = int(found[1]) if found else 0
        last = int(found[3] or sys.maxsize - 1) if found and found[2] else first
        if not first or last < first:
            raise ValueError(f"no CALLS {value!r}. Write 2, 1-3 or 4-.")
        return {"calls": range(first, last + 1)}
    if argument == "NODE":
        number = int(value) if re.fullmatch(r"\d{1,5}", value) else 0
        if not number or 0 < nodes < number:
            raise ValueError(f"no NODE {value!r}. There are 1 to {nodes or 'as many as it has'}.")
        return {"node": number}
    if argument == "RATE":
        rate = int(value) if re.fullmatch(r"\d{1,5}", value) else 0
        if not rate:
            raise ValueError(f"no RATE {value!r}. Write 1 to 99999.")
        return {"rate": rate}
    seconds = float(value) if re.fullmatch(r"\d+(\.\d+)?", value) else -1
    if not 0 <= seconds <= _MOST_SECONDS:
        raise ValueError(f"{value!r} is not a number of SECONDS from 0 to {_MOST_SECONDS}.")
    return {"seconds": seconds}


@cache
def apis() -> list[str]:
    """The calls that the functions make, by what their roles allow."""
    allowed = re.findall(
        r"\b(?:secretsmanager|elasticache|states):([A-Z]\w+)", (_ROOT / "template.yaml").read_text()
    )
    return sorted(set(allowed))


@cache
def states() -> list[str]:
    """The names of the machine's states, those inside of a Map included."""

    def names(machine: dict[str, Any]) -> Iterable[str]:
        for name, state in machine["States"].items():
            yield name
            if "ItemProcessor" in state:
                yield from names(state["ItemProcessor"])

    return list(names(json.loads((_ROOT / "statemachine/rotation.asl.json").read_text())))


def table() -> list[tuple[str, str]]:
    """What there is, for people: how each fault is written and what it does, then the arguments."""
    faults = [
        (
            _written(name, kind),
            f"{kind.does} (API may be {kind.also})" if kind.also else kind.does,
        )
        for name, kind in KINDS.items()
    ]
    return [*faults, *ARGUMENTS.items()]


def _written(name: str, kind: Kind) -> str:
    return f"{name}:{kind.arguments}" if kind.arguments else name


@dataclass
class _Armed:
    fault: Fault
    on: bool  # false while a node's fault waits for its state
    seen: int = 0
    met: int = 0


@dataclass
class Faults:
    """The faults that are set; all methods can be called from any thread."""

    #: Set by who has the users and the nodes: modifies a user for so long; counts a cache's nodes.
    occupy: Callable[[str, float], None] = lambda user_id, seconds: None
    count_nodes: Callable[[], int] = lambda: 0
    now: Callable[[], float] = time.monotonic
    _let_in: dict[str, deque[float]] = field(default_factory=dict)  # by service: the last second's
    _armed: list[_Armed] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def control(self, method: str, body: bytes) -> tuple[int, str]:
        """Answers HTTP: POST adds a JSON list of faults, all or none, DELETE drops all.

        Every answer of status 200 is the JSON list of ``{"fault", "met", "seen"}``: how often it
        struck, and how often what it waits for came by.
        """
        try:
            added = [parse(text, self.count_nodes()) for text in json.loads(body or b"[]")]
        except FaultError as error:
            return 400, str(error)
        with self._lock:
            if method == "DELETE":
                self._armed.clear()
            for fault in added:
                self._armed.append(_Armed(fault, on=not (fault.node and fault.target)))
            return 200, json.dumps(
                [{"fault": a.fault.text, "met": a.met, "seen": a.seen} for a in self._armed]
            )

    # Calls

    def answer(self, service: str, request: Any, dispatch: Callable[[], Answer]) -> Answer:
        """The answer to a request, unless a fault has another one or lets there be none.

        Raises:
            ConnectionAbortedError: there is none, and the connection is closed.
        """
        caller = re.search(r"\bapp/pid-(\d+)", request.headers.get("User-Agent", ""))
        if not caller:
            return dispatch()
        target = request.headers.get("X-Amz-Target", "")
        operation = target.rpartition(".")[2] or request.values.get("Action", "")
        if self.limits(service):
            return error_answer(service, "throttle", _message(service, operation, "rate-limit"))
        pid, due = int(caller[1]), self._due(operation)
        for kind in _ANSWERS.keys() & due.keys():
            return error_answer(service, kind, _message(service, operation, kind))
        if "kill-before" in due:
            _kill(pid)
            _hang_up(request)
        if busy := due.get("busy-user"):
            self.occupy(request.values["UserId"], busy.seconds)
        answer = dispatch()
        if "kill-after" in due:
            _kill(pid)
        if {"kill-after", "lose-reply"} & due.keys():
            _hang_up(request)
        return answer

    def limits(self, service: str) -> bool:
        """Whether a call to the service is one too many in this second."""
        fault = self._find("rate-limit", count=False)
        if not fault:
            return False
        with self._lock:
            passed, now = self._let_in.setdefault(service, deque()), self.now()
            while passed and passed[0] <= now - 1:
                passed.popleft()
            if len(passed) < fault.rate:
                passed.append(now)
                return False
        return self._find("rate-limit") is not None

    def watch_invocations(self, lambda_client: Any) -> Any:
        """The Lambda client of Step Functions, with the faults of Invoke."""

        def invoked(**_: Any) -> None:
            for kind in self._due("Invoke"):
                code, status = _ANSWERS[kind]["lambda"]
                raise ClientError(
                    {
                        "Error": {"Code": code, "Message": f"By fault {kind}:Invoke."},
                        "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "fault"},
                    },
                    "Invoke",
                )

        lambda_client.meta.events.register("provide-client-params.lambda.Invoke", invoked)
        return lambda_client

    # States

    def stops(self, state: str) -> bool:
        """Whether the execution that has just entered the state is to be stopped."""
        with self._lock:
            for armed in self._armed:
                if armed.fault.node and armed.fault.target == state:
                    armed.on = True
        return "stop-at" in self._due(state)

    # Users and nodes

    def modifying_seconds(self, default: float) -> float:
        """How long a modification that begins now takes."""
        fault = self._find("keep-modifying")
        return fault.seconds if fault else default

    def one_at_a_time(self) -> bool:
        """Whether a user has to wait for the other users of its groups."""
        return self._find("one-at-a-time") is not None

    def lag_seconds(self, node: int) -> float:
        """How much later than the others the node learns of a modification."""
        fault = self._find("lag-password", node)
        return fault.seconds if fault else 0.0

    def slow_seconds(self, node: int) -> float:
        """How long a new connection to the node waits."""
        fault = self._find("slow-node", node)
        return fault.seconds if fault else 0.0

    def strikes(self, kind: str, node: int) -> bool:
        """Whether a new connection to the node, or an answer of it, meets a fault of that kind."""
        return self._find(kind, node) is not None

    def login(self, node: int, peer: int) -> Login:
        """What becomes of the logins at the node from this port of 127.0.0.1."""
        return Login(self, node, peer)

    def _find(self, kind: str, node: int = 0, *, count: bool = True) -> Fault | None:
        """The fault of that kind that was set last; it counts as met, unless it only may be."""
        with self._lock:
            for armed in reversed(self._armed):
                if armed.fault.kind == kind and armed.fault.node == node and armed.on:
                    armed.met += count
                    return armed.fault
        return None

    def _due(self, target: str) -> dict[str, Fault]:
        """Counts a call, or a state entered; the faults that it meets, by kind."""
        due = {}
        with self._lock:
            for armed in self._armed:
                if armed.fault.target == target and not armed.fault.node:
                    armed.seen += 1
                    if armed.seen in armed.fault.calls:
                        armed.met += 1
                        due[armed.fault.kind] = armed.fault
        return due

    def _waits_for(self, target: str) -> bool:
        with self._lock:
            return any(armed.fault.target == target for armed in self._armed)


class Login:
    """The logins over one connection to a node, as the bytes pass by."""

    def __init__(self, faults: Faults, node: int, peer: int) -> None:
        self._faults = faults
        self._node = node
        self._peer = peer
        self._victim: int | None = None  # to be killed once the node has answered

    def request(self, data: bytes) -> bytes:
        """What goes to the node; raises ConnectionAbortedError if nothing must."""
        if b"AUTH" not in data or not self._faults._waits_for("AUTH"):
            return data
        if pid := _process_of(self._peer):
            due = self._faults._due("AUTH")
            if "kill-before" in due:
                _kill(pid)
                raise ConnectionAbortedError
            if "kill-after" in due:
                self._victim = pid
        return data

    def answer(self, data: bytes) -> bytes:
        """What the node answers; raises ConnectionAbortedError if nothing must arrive."""
        if self._victim:
            _kill(self._victim)
            raise ConnectionAbortedError
        if data.startswith(b"-WRONGPASS") and self._faults.strikes("open-node", self._node):
            return b"+OK\r\n"
        return data


def control(url: str, method: str, faults: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Asks a running local AWS, at its LOCAL_CONTROL_URL; see `Faults.control`.

    Raises:
        FaultError: one of the faults is wrong; none was set.
        LocalAwsError: nobody answers.
    """
    listed: list[dict[str, Any]] = ask(f"{url}/faults", method, list(faults))
    return listed


def ask(url: str, method: str = "GET", body: Any = None) -> Any:
    """Asks the local AWS something that is no AWS API, by JSON; raises as `control` does."""
    request = urllib.request.Request(  # noqa: S310
        url, method=method, data=json.dumps(body or []).encode()
    )
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(request, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        raise FaultError(refused.read().decode()) from None
    except OSError:
        raise LocalAwsError(f"Nobody answers at {url}: is the local AWS still running?") from None


def error_answer(service: str, kind: str, message: str) -> Answer:
    """The service's own shape of an error: XML of the query protocol, or JSON."""
    code, status = _ANSWERS[kind][service]
    if service == "elasticache":
        body = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>"
            f"<Message>{message}</Message></Error><RequestId>fault</RequestId></ErrorResponse>"
        )
        return status, {"Content-Type": "text/xml"}, body
    body = json.dumps({"__type": code, "message": message})
    return status, {"Content-Type": "application/x-amz-json-1.1"}, body


def _message(service: str, operation: str, kind: str) -> str:
    if kind != "deny":
        return f"By fault {kind}:{operation}."
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    return (
        "User: arn:aws:sts::123456789012:assumed-role/elasticache-rotation/function is not "
        f"authorized to perform: {service}:{operation} because no identity-based policy "
        f"allows the {service}:{operation} action"
    )


def _hang_up(request: Any) -> None:
    """Ends the connection without an answer; the server drops it at this error."""
    request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError


def _kill(pid: int) -> None:
    """Kills a function's process; any other process is left alone."""
    try:
        ours = os.getpgid(pid) == os.getpgrp() and pid != os.getpid()
    except ProcessLookupError:
        return
    if ours:
        os.kill(pid, signal.SIGKILL)
    else:
        logger.warning("process %d is no function of this local AWS and was not killed", pid)


def _process_of(port: int) -> int | None:
    """The process of this local AWS that has the port of 127.0.0.1; None for somebody else's."""
    sockets = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    wanted = {f"socket:[{each[9]}]" for each in sockets if each[1].endswith(f":{port:04X}")}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            pid = int(process.name)
            if os.getpgid(pid) != os.getpgrp() or pid == os.getpid():
                continue
            if any(os.readlink(each) in wanted for each in (process / "fd").iterdir()):
                return pid
        except OSError:  # it has ended meanwhile
            continue
    return None
