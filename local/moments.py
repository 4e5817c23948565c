"""Services as they were: what reads that are late are answered from (local/faults/past.py)."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any, TypeVar

from local import interpreter, secrets_manager
from local.elasticache import ElastiCache, ElastiCacheResponse
from local.faults import Answer, Past

T = TypeVar("T")


def of_elasticache(service: ElastiCache) -> tuple[Any, ElastiCache]:
    """Its state, and the service in it."""
    frozen = service.frozen()
    return frozen.inventory.state, frozen


def of_secrets_manager(backend: Any) -> tuple[Any, Any]:
    """The same, of Secrets Manager."""
    with backend._lock:
        secrets = copy.deepcopy(backend.secrets)
    state = {arn: vars(secret) for arn, secret in secrets.items()}
    return state, _with(backend, secrets=secrets)


def of_step_functions(backend: Any) -> tuple[Any, Any]:
    """The same, of Step Functions: executions without their histories."""
    machines = []
    for machine in backend.state_machines:
        # What an execution tells of itself is replaced when it changes, never written to.
        executions = [copy.copy(execution) for execution in machine.executions]
        machines.append(_with(machine, executions=executions))
    state = [
        (machine.arn, [(each.exec_arn, each.exec_status) for each in machine.executions])
        for machine in machines
    ]
    return state, _with(backend, state_machines=machines)


def served(
    elasticache: ElastiCache, secrets: Callable[[], Any], machines: Callable[[], Any]
) -> dict[str, Past[Answer]]:
    """The past of each service that is served by HTTP, by the name that requests are signed with.

    `secrets` and `machines` are moto's backends, which there may not be yet.
    """

    def responding(response: Any, **attributes: Any) -> Callable[[Any], Answer]:
        frozen: Any = type("Frozen", (response,), attributes)
        return lambda request: frozen.dispatch(request, request.url, request.headers)

    def elasticache_now() -> tuple[Any, Callable[..., Answer]]:
        state, frozen = of_elasticache(elasticache)
        return state, responding(ElastiCacheResponse, service=frozen)

    def secrets_now() -> tuple[Any, Callable[..., Answer]]:
        state, frozen = of_secrets_manager(secrets())
        return state, responding(secrets_manager.LocalSecretsManagerResponse, backend=frozen)

    def machines_now() -> tuple[Any, Callable[..., Answer]]:
        state, frozen = of_step_functions(machines())
        response = interpreter.LocalStepFunctionsResponse
        return state, responding(response, stepfunction_backend=frozen)

    return {
        "elasticache": Past(elasticache_now, _same),
        "secretsmanager": Past(secrets_now, _same),
        "states": Past(machines_now, _same),
    }


def _same(one: Answer, other: Answer) -> bool:
    def told(answer: Answer) -> tuple[int, str]:
        status, _, body = answer
        return status, re.sub("<RequestId>.*?</RequestId>", "", str(body))

    return told(one) == told(other)


def _with(thing: T, **attributes: Any) -> T:
    """The same thing, with other attributes: without what its class does at a copy."""
    other = object.__new__(type(thing))
    other.__dict__.update(vars(thing), **attributes)
    return other
