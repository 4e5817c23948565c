"""The faults that are set, and what they do to calls, invocations, states, users and nodes."""

import json
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from local.faults.answers import CODES, Answer, error_answer, lambda_error, message
from local.faults.kinds import Fault, FaultError, lambda_errors, parse
from local.faults.past import Past
from local.faults.victims import kill

T = TypeVar("T", covariant=True)

STEP_FUNCTIONS, SECRETS_MANAGER = "Step Functions", "Secrets Manager"  # pragma: allowlist secret


class Call(Protocol[T]):
    """A call of a function to a service, and how it meets a fault."""

    service: str  # as requests to it are signed
    operation: str

    @property
    def user_id(self) -> str:
        """ModifyUser's."""

    def refuse(self, kind: str, text: str) -> T:
        """The answer to a call that is throttled, fails or is denied, or the error of it."""

    def kill(self) -> None:
        """Ends the function that calls."""

    def lose(self) -> T:
        """There is no answer."""


@dataclass
class _Armed:
    fault: Fault
    on: bool  # false while a node's fault waits for its state
    seen: int = 0
    met: int = 0
    woken: dict[str, float] = field(default_factory=dict)  # when, by function

    def strikes(self, function: str, now: float) -> bool:
        """Whether the call that was just seen meets the fault."""
        if self.fault.kind == "idle-function":
            return now < self.woken.setdefault(function, now) + self.fault.seconds
        return self.seen in self.fault.calls


@dataclass
class Faults:
    """The faults that are set; all methods can be called from any thread."""

    #: Set by the services: has a user modifying for some seconds; counts a cache's nodes.
    occupy: Callable[[str, float], None] = lambda user_id, seconds: None
    count_nodes: Callable[[], int] = lambda: 0
    #: Set by the services, by the name that requests to them are signed with.
    past: dict[str, Past[Any]] = field(default_factory=dict)
    now: Callable[[], float] = time.monotonic
    _admitted: dict[str, deque[float]] = field(
        default_factory=dict
    )  # by service: the last second's
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
            self._armed += [_Armed(fault, not (fault.node and fault.target)) for fault in added]
            shown = [{"fault": a.fault.text, "met": a.met, "seen": a.seen} for a in self._armed]
        for service in self.past:
            self.see(service)
        return 200, json.dumps(shown)

    # Calls

    def answer(
        self,
        service: str,
        request: Any,
        admit: Callable[[Callable[[], Answer]], Answer],
        dispatch: Callable[[], Answer],
    ) -> Answer:
        """The answer to a request, unless a fault has another one or lets there be none.

        `admit` is IAM's: it takes what answers, and answers itself if the call is denied. Raises
        ConnectionAbortedError if there is no answer, and the connection is closed.
        """
        self.see(service)
        caller = re.search(r"\bapp/pid-(\d+)", request.headers.get("User-Agent", ""))
        if not caller:
            return admit(dispatch)
        target = request.headers.get("X-Amz-Target", "")
        operation = target.rpartition(".")[2] or request.values.get("Action", "")
        call = _Request(service, operation, request, int(caller[1]))

        def perform(stale: bool) -> Answer:
            return admit(lambda: self.before(service, dispatch(), request) if stale else dispatch())

        return self.meet(call, perform)

    def meet(self, call: Call[T], perform: Callable[[bool], T]) -> T:
        """The answer to a function's call; `perform` makes it, and takes whether it reads late."""
        if self.limits(call.service):
            return call.refuse("throttle", message(call.service, call.operation, "rate-limit"))
        due = self.due(call.operation)
        for kind in CODES.keys() & due.keys():
            return call.refuse(kind, message(call.service, call.operation, kind))
        if "kill-before" in due:
            call.kill()
            return call.lose()
        if busy := due.get("busy-user"):
            self.occupy(call.user_id, busy.seconds)
        lost = {"kill-after", "lose-reply"} & due.keys()
        try:
            answer = perform("stale" in due)
        except Exception:
            # In process a service's error is raised; its answer is lost as any other.
            if not lost:
                raise
        if "kill-after" in due:
            call.kill()
        return call.lose() if lost else answer

    def limits(self, service: str) -> bool:
        """Whether a call to the service is one too many in this second."""
        fault = self._find("rate-limit", count=False)
        if not fault:
            return False
        with self._lock:
            passed, now = self._admitted.setdefault(service, deque()), self.now()
            while passed and passed[0] <= now - 1:
                passed.popleft()
            if len(passed) < fault.rate:
                passed.append(now)
                return False
        return self.strikes("rate-limit")

    # Reads that are late

    def see(self, service: str) -> None:
        """To be called before anything may change there."""
        if service in self.past and self._find("stale", count=False):
            self.past[service].see()

    def before(self, service: str, now: Any, *request: Any) -> Any:
        """The answer to the request before the last change of what it reads."""
        return self.past[service].answer(now, *request) if service in self.past else now

    # Invocations and states

    def invoked(self, function: str, caller: str) -> None:
        """The caller invokes a function, by its name or ARN; raises ClientError by a fault."""
        found = re.search(r"(\w+?)Function(-\w+)?(:\$?\w+)?$", function)
        due = self.due("invocation", found[1] if found else function)
        if caller == STEP_FUNCTIONS:
            due |= self.due("Invoke")
        for kind, fault in due.items():
            code = fault.error or "ResourceNotReadyException"
            refusal = CODES[kind]["lambda"] if kind in CODES else (code, lambda_errors()[code])
            raise lambda_error(*refusal, f"By fault {fault.text}.")

    def watch_invocations(self, lambda_client: Any, caller: str) -> Any:
        """The Lambda client of the caller, with these faults."""
        lambda_client.meta.events.register(
            "provide-client-params.lambda.Invoke",
            lambda params, **_: self.invoked(params["FunctionName"], caller),
        )
        return lambda_client

    def stops(self, state: str) -> bool:
        """Whether the execution that has just entered the state is to be stopped."""
        self.see("states")
        with self._lock:
            for armed in self._armed:
                armed.on |= bool(armed.fault.node) and armed.fault.target == state
        return "stop-at" in self.due(state)

    # All of them

    def seconds(self, kind: str, default: float = 0.0, *, node: int = 0) -> float:
        """The seconds of the fault of that kind; the default without one."""
        fault = self._find(kind, node)
        return fault.seconds if fault else default

    def strikes(self, kind: str, node: int = 0) -> bool:
        """Whether something meets a fault of that kind, of the node or of none."""
        return self._find(kind, node) is not None

    def due(self, target: str, function: str = "") -> dict[str, Fault]:
        """Counts a call, of the function or to it, or a state entered.

        The faults that it meets, by kind.
        """
        due = {}
        with self._lock:
            for armed in self._armed:
                fault = armed.fault
                limited = fault.functions and function not in fault.functions
                if fault.target == target and not fault.node and not limited:
                    armed.seen += 1
                    if armed.strikes(function, self.now()):
                        armed.met += 1
                        due[fault.kind] = fault
        return due

    def waits_for(self, target: str) -> bool:
        """Whether any fault waits for that call or state."""
        with self._lock:
            return any(armed.fault.target == target for armed in self._armed)

    def _find(self, kind: str, node: int = 0, *, count: bool = True) -> Fault | None:
        """The fault of that kind that was set last; it counts as met, unless it only may be."""
        with self._lock:
            for armed in reversed(self._armed):
                if armed.fault.kind == kind and armed.fault.node == node and armed.on:
                    armed.met += count
                    return armed.fault
        return None


@dataclass
class _Request:
    """A call over HTTP."""

    service: str
    operation: str
    request: Any
    pid: int

    @property
    def user_id(self) -> str:
        return str(self.request.values["UserId"])

    def refuse(self, kind: str, text: str) -> Answer:
        return error_answer(self.service, kind, text)

    def kill(self) -> None:
        kill(self.pid)

    def lose(self) -> Answer:
        """Ends the connection without an answer; the server drops it at this error."""
        self.request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        raise ConnectionAbortedError
