"""Deploys the real ``template.yaml`` on the local AWS, as `sam build && sam deploy` would on AWS.

Four things differ from AWS, and only here: the functions' runtime is ``provided.al2023`` with a
bootstrap that has AWS's own runtime interface client run under this Python, in a process that
local/workers.py forks, and that shortens waits which AWS's slowness and quotas ask for; the layer
is empty, since this Python has its packages; and the state machine is taken over by the engine that
runs it.
"""

import json
import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from local.instance import REGION, LocalAws, LocalAwsError
from local.package import Package, Template, archive, files, packaged, read_template
from local.step_functions import adopt_state_machines

ROOT = Path(__file__).resolve().parent.parent
STACK_NAME = "elasticache-rotation"
_BUCKET = "packages"
_BOOTSTRAP = f"""#!/bin/sh
export EXECUTION_LOOK_SECONDS=3 LATE_FUNCTION_SECONDS=0
exec "{sys.executable}" -I -S "{ROOT / "local/workers.py"}"
"""


@dataclass(frozen=True)
class Stack:
    """The outputs of the deployed template, by name."""

    outputs: Mapping[str, str]

    @property
    def rotation_function_arn(self) -> str:
        return self.outputs["RotationFunctionArn"]

    @property
    def state_machine_arn(self) -> str:
        return self.outputs["StateMachineArn"]


def deploy(aws: LocalAws, parameters: Mapping[str, str] = {}) -> Stack:
    """Packages and deploys; a stack that exists is updated.

    Raises LocalAwsError, which names the parameter, or the resource, and what is wrong with it.
    """
    stack = deploy_package(aws.client, local_package(), STACK_NAME, _BUCKET, parameters)
    adopt_state_machines(aws.deployment_client("stepfunctions"), aws.client("stepfunctions"))
    return stack


def local_package() -> Package:
    """What runs on this computer."""
    return Package(zipped(files(ROOT / "functions", "*.py")), zipped({}), "provided.al2023")


def deploy_package(
    client: Callable[[str], Any],
    package: Package,
    name: str,
    bucket: str,
    parameters: Mapping[str, str],
    poll: Mapping[str, float] = {"Delay": 0.1, "MaxAttempts": 300},
) -> Stack:
    """Deploy the template as a stack of that name, through the bucket, which is made.

    `client` makes the clients; `poll` is a waiter's configuration. Raises LocalAwsError.
    """
    # From S3, as `sam deploy` does: a body may have 51,200 bytes only.
    url = {"TemplateURL": _upload(client("s3"), bucket, package, parameters)}
    return Stack(change_stack(client("cloudformation"), name, url, parameters, poll))


def change_stack(
    cloudformation: Any,
    name: str,
    template: Mapping[str, str],
    parameters: Mapping[str, str],
    poll: Mapping[str, float],
) -> dict[str, str]:
    """Create or update the stack by a change set; its outputs.

    `template` is a TemplateURL or a TemplateBody. Raises LocalAwsError.
    """
    change_set = {"StackName": name, "ChangeSetName": f"deploy-{uuid.uuid4()}"}
    try:
        cloudformation.create_change_set(
            **change_set,
            ChangeSetType="UPDATE" if _exists(cloudformation, name) else "CREATE",
            **template,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
            ],
        )
        cloudformation.get_waiter("change_set_create_complete").wait(
            **change_set, WaiterConfig=poll
        )
        exists = _exists(cloudformation, name)
        waiter = "stack_update_complete" if exists else "stack_create_complete"
        cloudformation.execute_change_set(**change_set)
        cloudformation.get_waiter(waiter).wait(StackName=name, WaiterConfig=poll)
    except (ClientError, WaiterError) as error:
        raise LocalAwsError(
            f"The template was not deployed. {_reason(cloudformation, name, error)}"
        ) from None
    [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _upload(s3: Any, bucket: str, package: Package, parameters: Mapping[str, str]) -> str:
    """Put the packaged template, and what it names, into the new bucket; the template's URL."""
    made, objects = packaged(read_template(), package, bucket)
    check_parameters(parameters, made)
    elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": s3.meta.region_name}}
    s3.create_bucket(Bucket=bucket, **elsewhere if s3.meta.region_name != REGION else {})
    for key, content in {**objects, "template.json": json.dumps(made).encode()}.items():
        s3.put_object(Bucket=bucket, Key=key, Body=content)
    # By path, as `sam deploy` names it: one form for every region, and for this computer.
    return f"{s3.meta.endpoint_url}/{bucket}/template.json"


def check_parameters(parameters: Mapping[str, str], template: Template) -> None:
    """Raises LocalAwsError, which names the parameter, where the template has none of that name."""
    for name in parameters:
        if name not in template["Parameters"]:
            known = ", ".join(template["Parameters"])
            raise LocalAwsError(
                f"Parameter {name}: the template has none of that name. It has {known}."
            )


def zipped(contents: Mapping[str, bytes]) -> bytes:
    """A function's package of these files, by path, that runs under this Python."""
    return archive({"bootstrap": _BOOTSTRAP.encode(), **contents})


def _exists(cloudformation: Any, name: str) -> bool:
    try:
        [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError:
        return False
    return bool(stack["StackStatus"] != "REVIEW_IN_PROGRESS")


def _reason(cloudformation: Any, name: str, error: Exception) -> str:
    try:
        events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    except ClientError:
        events = []
    for event in reversed(events):
        if event["ResourceStatus"].endswith("FAILED"):
            reason = event.get("ResourceStatusReason", "no reason given")
            return f"{event['LogicalResourceId']}: {reason}"
    return str(error.response["Error"]["Message"] if isinstance(error, ClientError) else error)
