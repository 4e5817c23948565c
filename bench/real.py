"""Rotations on the whole local AWS: real processes, TLS and waits."""

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import reference
from local.deploy import deploy, zipped
from local.faults import ask, control
from local.instance import LocalAws
from report.cost import cost_of
from tests.rotation.world import Tenant, World

NAME = "reference"
_LONGEST_SECONDS, _LOOK_SECONDS = 900, 0.02


class Bench(World):
    """A local AWS with the stack on it."""

    @classmethod
    @contextmanager
    def running(cls) -> Iterator["Bench"]:
        """From its start to its end."""
        with tempfile.TemporaryDirectory() as directory, LocalAws(Path(directory)) as aws:
            yield cls(aws, deploy(aws))

    def tenant_before(self, nodes: int) -> Tenant:
        """A user that is on, in a group of its own, before a cache of so many nodes."""
        tenant = self.tenant()
        tenant.serve(nodes=nodes)
        return tenant

    def modifying(self, seconds: float) -> None:
        """Every modification that begins now takes so long."""
        url = self.aws.environment["LOCAL_CONTROL_URL"]
        control(url, "DELETE")
        control(url, "POST", [f"keep-modifying:{seconds:g}"])

    def deploy_reference(self, path: Path, tenant: Tenant) -> str:
        """Deploy AWS's function as its instructions say, for one secret and user; its ARN."""
        aws = self.aws
        iam, functions = aws.client("iam"), aws.client("lambda")
        assume = {"AssumeRolePolicyDocument": _policy("sts:AssumeRole", Principal="*")}
        role = iam.create_role(RoleName=NAME, **assume)["Role"]["Arn"]
        allowed = _policy("secretsmanager:*", "elasticache:*", "logs:*", Resource="*")
        iam.put_role_policy(RoleName=NAME, PolicyName=NAME, PolicyDocument=allowed)
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
            Code={"ZipFile": zipped({"lambda_function.py": path.read_bytes()})},
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
        """Seconds from RotateSecret to AWSCURRENT, once Secrets Manager has ended the rotation."""
        [seconds] = self.rotate_all([tenant], function)
        return seconds

    def rotate_all(self, tenants: Sequence[Tenant], function: str) -> list[float]:
        """The same, of many at once; raises TimeoutError if one did not become AWSCURRENT."""
        started, versions = {}, {}
        for tenant in tenants:
            started[tenant.secret_arn] = time.monotonic()
            versions[tenant.secret_arn] = tenant.begin_rotation(RotationLambdaARN=function)
        took: dict[str, float] = {}
        deadline = time.monotonic() + _LONGEST_SECONDS
        while len(took) < len(tenants):
            for arn in versions.keys() - took.keys():
                stages = self.secrets.describe_secret(SecretId=arn)["VersionIdsToStages"]
                if "AWSCURRENT" in stages.get(versions[arn], ()):
                    took[arn] = time.monotonic() - started[arn]
                elif (rotation := self._rotation(versions[arn]))["ended"]:
                    raise TimeoutError(f"{arn} was not rotated: {rotation['messages'][-1:]}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(tenants) - len(took)} rotations have not ended.")
            time.sleep(_LOOK_SECONDS)
        while not all(self._rotation(version)["ended"] for version in versions.values()):
            time.sleep(_LOOK_SECONDS)
        return [took[tenant.secret_arn] for tenant in tenants]

    def _rotation(self, version: str) -> dict[str, Any]:
        """What the local Secrets Manager says of a rotation."""
        url = self.aws.environment["LOCAL_CONTROL_URL"]
        return dict(ask(f"{url}/rotations/{version}"))

    def task_seconds(self) -> tuple[int, float]:
        """The state machine's invocations and their seconds, of all executions so far."""
        client = self.step_functions
        pages = client.get_paginator("list_executions").paginate(
            stateMachineArn=self.stack.state_machine_arn
        )
        histories = client.get_paginator("get_execution_history")
        costs = [
            cost_of(histories.paginate(executionArn=arn).build_full_result()["events"])
            for arn in pages.search("executions[].executionArn")
        ]
        return sum(it.invocations for it in costs), sum(it.task_seconds for it in costs)


def _policy(*actions: str, **more: Any) -> str:
    statement = {"Effect": "Allow", "Action": list(actions), **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
