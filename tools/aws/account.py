"""The account that is asked, and the guard that keeps every call to one run's own resources."""

import re
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from local.package import Package

T = TypeVar("T")

#: How the name of each resource of a run begins. No other resource has such a name.
RUN = r"rotation-test-[0-9a-f]{8}"

#: The calls that change a resource or read a value, by the parameter that names the resource. A
#: call that is neither here nor begins with one of `_READS` is refused.
_CALLS = {
    "UserId": "CreateUser ModifyUser DeleteUser",
    "UserGroupId": "CreateUserGroup DeleteUserGroup",
    "ReplicationGroupId": "CreateReplicationGroup DeleteReplicationGroup",
    "ServerlessCacheName": "CreateServerlessCache DeleteServerlessCache",
    "ResourceName": "AddTagsToResource",
    "Name": "CreateSecret",
    "SecretId": "GetSecretValue PutSecretValue UpdateSecretVersionStage RotateSecret DeleteSecret",
    "stateMachineArn": "StartExecution",
    "FunctionName": "Invoke",
    "StackName": "CreateChangeSet ExecuteChangeSet DeleteStack",
    "Bucket": "CreateBucket PutObject DeleteObject DeleteBucket",
    "logGroupName": "FilterLogEvents DeleteLogGroup",
}
_PARAMETERS = {call: name for name, calls in _CALLS.items() for call in calls.split()}
_READS = ("Describe", "List", "Lookup", "GetCallerIdentity", "GetExecutionHistory")


class NotOursError(Exception):
    """A call would have changed a resource that no run of this program has created."""


def new_run() -> str:
    """A name for a run."""
    return f"rotation-test-{secrets.token_hex(4)}"


def owner(name: str) -> str:
    """The run that a resource of that name belongs to, or an empty string."""
    found = re.match(rf"(?:/aws/lambda/|/aws/vendedlogs/states/)?({RUN})(?:$|-)", name)
    return found[1] if found else ""


@dataclass
class Account:
    """An account in a region. ``make_client`` makes unguarded clients; ``run`` may be a pattern.

    ``package`` makes what is deployed, and ``deployed`` is called after that. In seconds: ``pause``
    between two calls of a wait; ``patience``, the longest wait; ``quiet``, after which nothing more
    is expected; ``watch``, how long the retries of a failing rotation are counted.
    """

    make_client: Callable[[str], Any]
    run: str
    package: Callable[[], Package]
    deployed: Callable[[], None] = lambda: None
    pause: float = 5.0
    patience: float = 2400.0
    quiet: float = 90.0
    watch: float = 1800.0
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    #: The names and types in AWS's last responses.
    shapes: deque[str] = field(default_factory=lambda: deque(maxlen=3))
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A boto3 client that refuses calls on resources that are not the run's (NotOursError)."""
        if service not in self._clients:
            client = self.make_client(service)
            client.meta.events.register("provide-client-params.*.*", self._guard)
            client.meta.events.register("after-call.*.*", self._keep_shape)
            self._clients[service] = client
        return self._clients[service]

    @property
    def poll(self) -> dict[str, float]:
        """How often CloudFormation is asked for a stack."""
        return {"Delay": self.pause, "MaxAttempts": int(self.patience / self.pause)}

    def identity(self) -> tuple[str, str]:
        """The account's id and the region."""
        sts = self.client("sts")
        return str(sts.get_caller_identity()["Account"]), str(sts.meta.region_name)

    def first(self, look: Callable[[], T | None], end: float) -> T | None:
        """The first true result of ``look``, or None if there is none until ``end``."""
        while self.now() < end:
            if found := look():
                return found
            self.sleep(self.pause)
        return None

    def eventually(self, look: Callable[[], T | None], what: str) -> T:
        """The first true result of ``look``; raises TimeoutError."""
        if found := self.first(look, self.now() + self.patience):
            return found
        raise TimeoutError(f"not within {self.patience:.0f} s: {what}")

    def _keep_shape(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        known = {key: value for key, value in parsed.items() if key != "ResponseMetadata"}
        self.shapes.append(f"{model.name}: {shape(known)}")

    def _guard(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        call = model.name
        if call in _PARAMETERS:
            resource = str(params.get(_PARAMETERS[call], ""))
            if not re.search(rf"(?:^|[:/])(?:{self.run})(?:$|[-:/])", resource):
                raise NotOursError(f"{call} on {resource!r}, which is not named {self.run}-...")
        elif not call.startswith(_READS):
            raise NotOursError(f"{call} is not among the calls that this program makes")


def shape(value: object) -> str:
    """The names and types in a value, without the values."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {shape(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return f"[{shape(value[0])} x {len(value)}]" if value else "[]"
    return type(value).__name__
