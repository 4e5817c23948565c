"""Rotations on the whole local AWS: real processes, TLS and waits."""

import json
import os
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import reference
from local.deploy import Stack, deploy, zipped
from local.faults import ask, control
from local.instance import LocalAws
from report.cost import cost_of
from tests.rotation.world import Tenant, World

NAME = "reference"
_LONGEST_SECONDS, _LOOK_SECONDS = 900, 0.02


@dataclass
class Bench:
    """A local AWS with the stack on it and, if there is one, AWS's function."""

    world: World
    reference: Path | None

    @classmethod
    @contextmanager
    def running(cls, path: Path | None) -> Iterator["Bench"]:
        """From its start to its end."""
        with tempfile.TemporaryDirectory() as directory, LocalAws(Path(directory)) as aws:
            yield cls(World(aws, deploy(aws)), path)

    @property
    def stack(self) -> Stack:
        """Ours."""
        return self.world.stack

    def tenant(self, nodes: int = 2) -> Tenant:
        """A user who is on, in a group of its own, before a cache of so many nodes."""
        tenant = self.world.tenant()
        tenant.serve(nodes=nodes)
        return tenant

    def modifying(self, seconds: float) -> None:
        """Every modification that begins now takes so long."""
        url = self.world.aws.environment["LOCAL_CONTROL_URL"]
        control(url, "DELETE")
        control(url, "POST", [f"keep-modifying:{seconds:g}"])

    def deploy_reference(self, tenant: Tenant) -> str:
        """As its instructions say: one function for one secret and user; its ARN."""
        assert self.reference
        aws = self.world.aws
        iam, functions = aws.client("iam"), aws.client("lambda")
        role = iam.create_role(
            RoleName=NAME,
            AssumeRolePolicyDocument=json.dumps(_policy("sts:AssumeRole", Principal="*")),
        )["Role"]["Arn"]
        allowed = ("DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage")
        calls = [f"secretsmanager:{call}" for call in (*allowed, "GetRandomPassword")]
        calls += ["elasticache:DescribeUsers", "elasticache:ModifyUser", "logs:*"]
        iam.put_role_policy(
            RoleName=NAME,
            PolicyName=NAME,
            PolicyDocument=json.dumps(_policy(*calls, Resource="*")),
        )
        variables = reference.SETTINGS | {
            "SECRETS_MANAGER_ENDPOINT": aws.environment["AWS_ENDPOINT_URL_SECRETS_MANAGER"],
            "SECRET_ARN": tenant.secret_arn,
            "USER_NAME": tenant.username,
        }
        arn = functions.create_function(
            FunctionName=NAME,
            Runtime="provided.al2023",
            Handler="lambda_function.lambda_handler",
            Role=role,
            Code={"ZipFile": zipped({"lambda_function.py": self.reference.read_bytes()})},
            Timeout=reference.TIMEOUT_SECONDS,
            MemorySize=128,
            Environment={"Variables": variables},
        )["FunctionArn"]
        functions.add_permission(
            FunctionName=NAME,
            StatementId="secrets-manager",
            Action="lambda:InvokeFunction",
            Principal="secretsmanager.amazonaws.com",
            SourceAccount=arn.split(":")[4],
        )
        return str(arn)

    def rotate(self, tenant: Tenant, function: str) -> float:
        """Seconds from RotateSecret to AWSCURRENT, once Secrets Manager has ended the rotation.

        Raises:
            TimeoutError: it did not become AWSCURRENT.
        """
        [seconds] = self.rotate_all([tenant], function)
        return seconds

    def rotate_all(self, tenants: Sequence[Tenant], function: str) -> list[float]:
        """The same, of many at once."""
        secrets, url = self.world.secrets, self.world.aws.environment["LOCAL_CONTROL_URL"]
        begun, tokens = {}, {}
        for tenant in tenants:
            begun[tenant.secret_arn] = time.monotonic()
            tokens[tenant.secret_arn] = secrets.rotate_secret(
                SecretId=tenant.secret_arn,
                RotationLambdaARN=function,
                RotationRules={"AutomaticallyAfterDays": 30},
            )["VersionId"]
        took: dict[str, float] = {}
        deadline = time.monotonic() + _LONGEST_SECONDS
        while len(took) < len(tenants):
            for arn in tokens.keys() - took.keys():
                stages = secrets.describe_secret(SecretId=arn)["VersionIdsToStages"]
                if "AWSCURRENT" in stages.get(tokens[arn], ()):
                    took[arn] = time.monotonic() - begun[arn]
                elif ask(f"{url}/rotations/{tokens[arn]}")["ended"]:
                    raise TimeoutError(f"{arn} was not rotated: {self.told(tokens[arn])}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(tenants) - len(took)} rotations have not ended.")
            time.sleep(_LOOK_SECONDS)
        for token in tokens.values():
            while not ask(f"{url}/rotations/{token}")["ended"]:
                time.sleep(_LOOK_SECONDS)
        return [took[tenant.secret_arn] for tenant in tenants]

    def told(self, token: str) -> str:
        """What Secrets Manager says of the rotation, last."""
        found = ask(f"{self.world.aws.environment['LOCAL_CONTROL_URL']}/rotations/{token}")
        return str(found["told"][-1:])

    def task_seconds(self) -> tuple[int, float]:
        """Invocations by the machine and their seconds, of all executions so far."""
        found = self.world.step_functions.list_executions(
            stateMachineArn=self.stack.state_machine_arn
        )["executions"]
        invocations, seconds = 0, 0.0
        for each in found:
            pages = self.world.step_functions.get_paginator("get_execution_history")
            events = pages.paginate(executionArn=each["executionArn"]).build_full_result()["events"]
            cost = cost_of(events)
            invocations, seconds = invocations + cost.invocations, seconds + cost.task_seconds
        return invocations, seconds


def peak_megabytes() -> float | None:
    """The most memory that a function's process of this process's local AWS has had (Linux)."""
    most = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_text()
            if "awslambdaric" not in command or not _is_ours(int(process.name)):
                continue
            found = re.search(r"VmHWM:\s+(\d+) kB", (process / "status").read_text())
        except OSError:  # it has ended meanwhile
            continue
        most = max(most, int(found[1]) if found else 0)
    return most / 1024 if most else None


def _is_ours(pid: int) -> bool:
    """Whether this process is an ancestor."""
    while pid > 1:
        if pid == os.getpid():
            return True
        status = Path(f"/proc/{pid}/stat").read_text()
        pid = int(status.rpartition(")")[2].split()[1])
    return False


def _policy(*actions: str, **more: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": list(actions), **more}
    return {"Version": "2012-10-17", "Statement": [statement]}
