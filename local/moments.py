"""Services as they were: what reads that are late are answered from (local/faults/past.py)."""

import copy
import re
from collections.abc import Callable
from typing import Any, TypeVar

from local.elasticache import ElastiCache, ElastiCacheResponse
from local.faults import Past
from local.faults.answers import Answer
from local.interpreter import LocalStepFunctionsResponse as StepsResponse
from local.secrets_manager import LocalSecretsManagerResponse as SecretsResponse

T = TypeVar("T")


def of_elasticache(service: ElastiCache) -> tuple[Any, ElastiCache]:
    """Its state, and the service in it."""
    frozen = service.frozen()
    return frozen.state, frozen


def of_secrets_manager(backend: Any) -> tuple[Any, Any]:
    """The same, of Secrets Manager."""
    with backend._lock:
        secrets = copy.deepcopy(backend.secrets)
    state = {arn: vars(secret) for arn, secret in secrets.items()}
    return state, _with(backend, secrets=secrets)


def of_step_functions(backend: Any) -> tuple[Any, Any]:
    """The same, of Step Functions: executions without their histories."""
    machines = [
        # What an execution shows of itself is replaced when it changes, never written to.
        _with(machine, executions=[copy.copy(execution) for execution in machine.executions])
        for machine in backend.state_machines
    ]
    state = [
        (machine.arn, [(each.exec_arn, each.exec_status) for each in machine.executions])
        for machine in machines
    ]
    return state, _with(backend, state_machines=machines)


def served(
    elasticache: ElastiCache, secrets: Callable[[], Any], machines: Callable[[], Any]
) -> dict[str, Past[Answer]]:
    """The past of each service that is served by HTTP, by the name that requests are signed with.

    Both callables return moto's backends, which may not exist yet.
    """

    def past(moment: Callable[[], tuple[Any, Any]], response: Any, attribute: str) -> Past[Answer]:
        def now() -> tuple[Any, Callable[[Any], Answer]]:
            state, frozen = moment()
            at: Any = type("Frozen", (response,), {attribute: frozen})
            return state, lambda request: at.dispatch(request, request.url, request.headers)

        return Past(now, _same)

    moments = (
        ("elasticache", lambda: of_elasticache(elasticache), ElastiCacheResponse, "service"),
        ("secretsmanager", lambda: of_secrets_manager(secrets()), SecretsResponse, "backend"),
        ("states", lambda: of_step_functions(machines()), StepsResponse, "stepfunction_backend"),
    )
    return {
        name: past(moment, response, attribute) for name, moment, response, attribute in moments
    }


def _same(one: Answer, other: Answer) -> bool:
    shown = [
        (status, re.sub("<RequestId>.*?</RequestId>", "", str(body)))
        for status, _, body in (one, other)
    ]
    return shown[0] == shown[1]


def _with(thing: T, **attributes: Any) -> T:
    """The same thing, with other attributes: without what its class does at a copy."""
    other = object.__new__(type(thing))
    other.__dict__.update(vars(thing), **attributes)
    return other
