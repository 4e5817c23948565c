"""The account that is asked, and the guard that keeps every call to one run's own resources."""

import re
import secrets
import time
from collections import deque
from collections.abc import Callable, Sized
from dataclasses import dataclass, field
from typing import Any, TypeVar

from local.package import Package

T = TypeVar("T")
S = TypeVar("S", bound=Sized)

#: How every resource of a run begins. A person's own resources are not called so by chance.
RUN = r"rotation-test-[0-9a-f]{8}"
_MINE = r"(?:^|[:/])(?:{run})(?:$|[-:/])"

#: Which parameter of a call names what it changes or reads a value of; a call that is neither here
#: nor begins with one of `_READS` is refused.
_SUBJECTS = {
    **dict.fromkeys(("CreateUser", "ModifyUser", "DeleteUser"), "UserId"),
    **dict.fromkeys(("CreateUserGroup", "DeleteUserGroup"), "UserGroupId"),
    **dict.fromkeys(("CreateReplicationGroup", "DeleteReplicationGroup"), "ReplicationGroupId"),
    **dict.fromkeys(("CreateServerlessCache", "DeleteServerlessCache"), "ServerlessCacheName"),
    **dict.fromkeys(("AddTagsToResource", "RemoveTagsFromResource"), "ResourceName"),
    **dict.fromkeys(("CreateSecret",), "Name"),
    **dict.fromkeys(
        (
            "GetSecretValue",
            "PutSecretValue",
            "UpdateSecretVersionStage",
            "RotateSecret",
            "DeleteSecret",
        ),
        "SecretId",
    ),
    "StartExecution": "stateMachineArn",
    "StopExecution": "executionArn",
    "Invoke": "FunctionName",
    **dict.fromkeys(("CreateChangeSet", "ExecuteChangeSet", "DeleteStack"), "StackName"),
    **dict.fromkeys(("CreateBucket", "PutObject", "DeleteObject", "DeleteBucket"), "Bucket"),
    **dict.fromkeys(("FilterLogEvents", "DeleteLogGroup"), "logGroupName"),
}
_READS = ("Describe", "List", "Lookup", "GetCallerIdentity", "GetExecutionHistory")
_ANSWERS_KEPT = 3


class NotOursError(Exception):
    """A call would have touched what no run of this program has made."""


def new_run() -> str:
    """A name for a run."""
    return f"rotation-test-{secrets.token_hex(4)}"


def owner(name: str) -> str:
    """The run that a resource of that name belongs to, or nothing."""
    found = re.match(rf"(?:/aws/lambda/|/aws/vendedlogs/states/)?({RUN})(?:$|-)", name)
    return found[1] if found else ""


@dataclass
class Account:
    """An account in a region. ``make_client`` makes unguarded clients, ``run`` may be a pattern.

    ``package`` makes what is deployed, ``deployed`` is told once it is; ``pause`` is how many
    seconds pass between two looks, ``patience`` how many any one wait may take, and ``quiet`` after
    how many without anything new nothing more is waited for. ``clock`` is in seconds, ``now`` those
    of the epoch; ``answers`` has the shapes of AWS's last answers.
    """

    make_client: Callable[[str], Any]
    run: str
    package: Callable[[], Package]
    deployed: Callable[[], None] = lambda: None
    pause: float = 5.0
    patience: float = 2400.0
    quiet: float = 90.0
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    answers: deque[str] = field(default_factory=lambda: deque(maxlen=_ANSWERS_KEPT))
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A boto3 client that refuses calls on what does not belong to the run (NotOursError)."""
        if service not in self._clients:
            client = self.make_client(service)
            client.meta.events.register("provide-client-params.*.*", self._guard)
            client.meta.events.register("after-call.*.*", self._note)
            self._clients[service] = client
        return self._clients[service]

    def identity(self) -> tuple[str, str]:
        """The account's id and the region."""
        sts = self.client("sts")
        return str(sts.get_caller_identity()["Account"]), str(sts.meta.region_name)

    def eventually(self, look: Callable[[], T | None], what: str) -> T:
        """The first true answer; raises TimeoutError."""
        end = self.clock() + self.patience
        while self.clock() < end:
            if answer := look():
                return answer
            self.sleep(self.pause)
        raise TimeoutError(f"not within {self.patience:.0f} s: {what}")

    def settled(self, look: Callable[[], S]) -> S:
        """What there is once nothing was added for as long as `quiet`, or to the patience."""
        found, begun = look(), self.clock()
        end, since = begun + self.patience, begun
        while since + self.quiet > self.clock() < end:
            self.sleep(self.pause)
            if len(seen := look()) != len(found):
                found, since = seen, self.clock()
        return found

    def _note(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        known = {key: it for key, it in parsed.items() if key != "ResponseMetadata"}
        self.answers.append(f"{model.name}: {shape(known)}")

    def _guard(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        call = model.name
        if call in _SUBJECTS:
            subject = str(params.get(_SUBJECTS[call], ""))
            if not re.search(_MINE.format(run=self.run), subject):
                raise NotOursError(f"{call} on {subject!r}, which is not named {self.run}-...")
        elif not call.startswith(_READS):
            raise NotOursError(f"{call} is not among the calls that this program makes")


def shape(value: object) -> str:
    """The names and types of a value, without what it holds."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {shape(it)}" for key, it in value.items()) + "}"
    if isinstance(value, list):
        return f"[{shape(value[0])} x {len(value)}]" if value else "[]"
    return type(value).__name__
