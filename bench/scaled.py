"""Rotations in one process, whose waits take no time: long ones, and many at once.

The state machine, the handlers and the services' rules are real (tests/histories/in_process.py).
Calls take no time, so all seconds here are waits. Retries have their jitter, and botocore retries.
"""

import io
import json
import logging
import os
import random
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from botocore.exceptions import ClientError
from moto.core.exceptions import JsonRESTError
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl

from bench import reference
from bench.quotas import Quotas
from local.faults.answers import CODES
from report.cost import cost_of
from tests.histories import in_process
from tests.histories.in_process import InProcess
from tests.histories.staged_services import ACCOUNT, REGION
from tests.histories.worlds import InProcessWorld
from tests.rotation.world import Tenant

_BOTOCORE_LONGEST_SECONDS = 20


@dataclass
class Run:
    """What one or more rotations took; `seconds` is until the last one's promotion."""

    asked: int
    promoted: int = 0
    seconds: float = 0.0
    transitions: list[int] = field(default_factory=list)
    invocations: list[int] = field(default_factory=list)
    rotation_seconds: list[float] = field(default_factory=list)  # of the rotation function
    calls: dict[str, int] = field(default_factory=dict)
    throttled: dict[str, int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)  # of Secrets Manager's rotations
    promoted_again: int = 0


class Counted(InProcess):
    """Counts the requests of functions, notes promotions, and waits as botocore does."""

    def __init__(self, *, seed: int = 0, **how: Any) -> None:
        super().__init__(seed=seed, **how)
        self.calls: Counter[str] = Counter()
        self.promoted: dict[str, float] = {}
        self.billed: dict[str, float] = {}  # by version, of the rotation function
        self._random_wait = random.Random(seed)  # noqa: S311
        self.quotas = Quotas(lambda: self.stage.now)

    def _sent(self, service: str, operation: str, request: Any) -> Any:
        self.calls[operation] += 1
        if not self.quotas.admits(operation):
            raise JsonRESTError(CODES["throttle"]["states"][0], "By quota.")
        answer = super()._sent(service, operation, request)
        if request.get("VersionStage") == "AWSCURRENT" and "MoveToVersionId" in request:
            self.promoted[request["SecretId"]] = self.stage.now
        return answer

    def _back_off(self, attempt: int) -> None:
        # https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
        self.stage.sleep(self._random_wait.random() * min(2**attempt, _BOTOCORE_LONGEST_SECONDS))

    def _invoke(self, FunctionName: str, Payload: str | bytes) -> dict[str, Any]:  # noqa: N803
        begun = self.stage.now
        answer = super()._invoke(FunctionName, Payload)
        if version := json.loads(Payload).get("ClientRequestToken"):
            self.billed[version] = self.billed.get(version, 0.0) + self.stage.now - begun
        return answer

    @contextmanager
    def begun(self, *faults: str) -> Iterator[InProcessWorld]:
        """In its place, with jitter; a directory's files are found from the repository's root."""
        # The functions' metrics go to standard output, and failures are counted.
        logging.disable(logging.CRITICAL)
        with self.set_up(), redirect_stdout(io.StringIO()):
            clock = SimpleNamespace(sleep=self._jittered, time=lambda: int(self.stage.now))
            retrier_decl.time = clock
            if faults:
                self.faults.control("POST", json.dumps(faults).encode())
            try:
                yield InProcessWorld(self)
            finally:
                logging.disable(logging.NOTSET)

    def _jittered(self, seconds: float) -> None:
        self.stage.sleep(self._random_wait.uniform(0, seconds))


def rotate(
    count: int,
    modifying: float,
    *faults: str,
    nodes: int = 1,
    one_group: bool = False,
    again: bool = False,
    **how: Any,
) -> Run:
    """That many rotations at once, of users in groups of their own or in one.

    ``again`` asks RotateSecret once more for those that were not promoted; ``how`` is for
    `InProcess`.
    """
    aws = Counted(modifying_seconds=modifying, **how)
    with aws.begun(*faults) as world:
        tenants = _tenants(world, count, nodes, one_group=one_group)
        versions = [
            aws.secrets.rotate_secret(SecretId=each.secret_arn)["VersionId"] for each in tenants
        ]
        aws.stage.run()
        run, errors = _run(aws, tenants, versions), Counter[str]()
        if again:
            run.promoted_again = _rotate_once_more(
                aws, [each for each in tenants if _current(each) not in versions]
            )
        for arn, execution in aws.executions().items():
            if execution["status"] == "SUCCEEDED":
                history = aws.step_functions.get_execution_history(executionArn=arn)
                cost = cost_of(history["events"])
                run.transitions.append(cost.transitions)
                run.invocations.append(cost.invocations)
            else:
                errors[execution.get("error", execution["status"])] += 1
    run.errors = dict(errors)
    return run


def rotate_with_reference(path: Path, modifying: float) -> Run:
    """One rotation by AWS's function, in the same world."""
    aws = Counted(modifying_seconds=modifying)
    clients = {"secretsmanager": aws.secrets, "elasticache": aws.elasticache}
    missing = type("ResourceNotFoundException", (ClientError,), {})
    aws.secrets.exceptions.ResourceNotFoundException = missing
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:Reference"
    with (
        patch.dict(sys.modules),
        patch.dict(os.environ, reference.SETTINGS),
        patch.object(in_process, "ROTATION_FUNCTION", function),
        aws.begun() as world,
    ):
        module: Any = reference.load(path, "reference")
        module.time = SimpleNamespace(sleep=aws.stage.sleep, time=lambda: aws.stage.now)
        module.boto3 = SimpleNamespace(client=lambda service, **_: clients[service])
        module.handler = module.lambda_handler
        module.logger.setLevel("CRITICAL")
        [tenant] = _tenants(world, 1, 1)
        os.environ |= {
            "SECRETS_MANAGER_ENDPOINT": "https://secretsmanager.us-east-1.amazonaws.com",
            "SECRET_ARN": tenant.secret_arn,
            "USER_NAME": tenant.username,
        }
        version = aws.secrets.rotate_secret(SecretId=tenant.secret_arn)["VersionId"]
        aws.stage.run()
        return _run(aws, [tenant], [version])


def _run(aws: Counted, tenants: list[Tenant], versions: list[str]) -> Run:
    return Run(
        asked=len(tenants),
        promoted=sum(_current(tenant) in versions for tenant in tenants),
        seconds=max(aws.promoted.values(), default=0.0),
        rotation_seconds=[aws.billed.get(version, 0.0) for version in versions],
        calls=dict(aws.calls),
        throttled=dict(aws.quotas.throttled),
        outcomes=dict(Counter(map(aws.outcome, versions))),
    )


def _rotate_once_more(aws: Counted, tenants: list[Tenant]) -> int:
    """How many secrets have a new AWSCURRENT after the next RotateSecret of each."""
    before = [_current(tenant) for tenant in tenants]
    for tenant in tenants:
        # It may be refused, and start the previous rotation again.
        with suppress(ClientError):
            aws.secrets.rotate_secret(SecretId=tenant.secret_arn)
    aws.stage.run()
    return sum(_current(tenant) not in before for tenant in tenants)


def _current(tenant: Tenant) -> str:
    return next(v for v, labels in tenant.labels().items() if "AWSCURRENT" in labels)


def _tenants(
    world: InProcessWorld, count: int, nodes: int, *, one_group: bool = False
) -> list[Tenant]:
    tenants = [world.tenant() for _ in range(count)]
    if one_group:
        tenants[0].serve(nodes=nodes, others=tenants[1:])
    else:
        for tenant in tenants:
            tenant.serve(nodes=nodes)
    return tenants
