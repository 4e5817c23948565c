"""Deploys the real ``template.yaml`` on the local AWS, as `sam build && sam deploy` would on AWS.

Three things differ from AWS, and only here: the functions' runtime is ``provided.al2023`` with a
bootstrap that execs AWS's own runtime interface client under this Python; the layer is empty, since
this Python has its packages; and the state machine is taken over by the engine that runs it.
"""

import io
import json
import sys
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, WaiterError
from samtranslator.yaml_helper import yaml_parse

from local.instance import LocalAws, LocalAwsError
from local.step_functions import adopt_state_machines

ROOT = Path(__file__).resolve().parent.parent
STACK_NAME = "elasticache-rotation"
_BUCKET = "packages"
# The process id arrives in the User-Agent of every call, so that local/faults.py knows who calls.
_BOOTSTRAP = f"""#!/bin/sh
export AWS_SDK_UA_APP_ID="pid-$$"
exec "{sys.executable}" -m awslambdaric "$_HANDLER"
"""


@dataclass(frozen=True)
class Stack:
    """The outputs of the deployed template, by name; two of them are always there."""

    outputs: Mapping[str, str]

    @property
    def rotation_function_arn(self) -> str:
        """What a secret's rotation is configured with."""
        return self.outputs["RotationFunctionArn"]

    @property
    def state_machine_arn(self) -> str:
        """What an operator starts an execution of."""
        return self.outputs["StateMachineArn"]


def deploy(aws: LocalAws, parameters: Mapping[str, str] = {}) -> Stack:
    """Package and deploy; a stack that exists is updated.

    Raises:
        LocalAwsError: names the parameter, or the resource, and what is wrong with it.
    """
    template = _packaged(aws)
    _check(parameters, template["Parameters"])
    cloudformation = aws.client("cloudformation")
    change_set = {"StackName": STACK_NAME, "ChangeSetName": f"deploy-{uuid.uuid4()}"}
    try:
        cloudformation.create_change_set(
            **change_set,
            ChangeSetType="UPDATE" if _exists(cloudformation) else "CREATE",
            # From S3, as `sam deploy` does: a body may have 51,200 bytes only.
            TemplateURL=_uploaded(aws, template),
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
            ],
        )
        soon = {"Delay": 0.1, "MaxAttempts": 300}
        cloudformation.get_waiter("change_set_create_complete").wait(
            **change_set, WaiterConfig=soon
        )
        waiter = "stack_update_complete" if _exists(cloudformation) else "stack_create_complete"
        cloudformation.execute_change_set(**change_set)
        cloudformation.get_waiter(waiter).wait(StackName=STACK_NAME, WaiterConfig=soon)
    except (ClientError, WaiterError) as error:
        raise LocalAwsError(
            f"The template was not deployed. {_reason(cloudformation, error)}"
        ) from None
    adopt_state_machines(aws.deployment_client("stepfunctions"), aws.client("stepfunctions"))
    [stack] = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"]
    return Stack({output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]})


def _packaged(aws: LocalAws) -> dict[str, Any]:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=_BUCKET)

    def upload(key: str, content: bytes) -> dict[str, str]:
        s3.put_object(Bucket=_BUCKET, Key=key, Body=content)
        return {"Bucket": _BUCKET, "Key": key}

    template: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())
    function = template["Globals"]["Function"]
    function["CodeUri"] = upload("functions.zip", _zipped(ROOT / function["CodeUri"]))
    function["Runtime"] = "provided.al2023"
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            properties["ContentUri"] = upload("layer.zip", _zipped(None))
        elif resource["Type"] == "AWS::Serverless::StateMachine":
            definition = (ROOT / properties.pop("DefinitionUri")).read_text()
            properties["Definition"] = json.loads(definition)
    return template


def _uploaded(aws: LocalAws, template: dict[str, Any]) -> str:
    aws.client("s3").put_object(
        Bucket=_BUCKET, Key="template.json", Body=json.dumps(template).encode()
    )
    return f"{aws.environment['AWS_ENDPOINT_URL']}/{_BUCKET}/template.json"


def _zipped(folder: Path | None) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        bootstrap = zipfile.ZipInfo("bootstrap")
        bootstrap.external_attr = 0o755 << 16
        archive.writestr(bootstrap, _BOOTSTRAP)
        for path in sorted(folder.rglob("*.py")) if folder else ():
            archive.write(path, path.relative_to(folder or path))
    return content.getvalue()


def _check(given: Mapping[str, str], known: Mapping[str, dict[str, Any]]) -> None:
    for name in given:
        if name not in known:
            raise LocalAwsError(
                f"Parameter {name}: the template has none of that name. It has {', '.join(known)}."
            )


def _exists(cloudformation: Any) -> bool:
    try:
        [stack] = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"]
    except ClientError:
        return False
    return bool(stack["StackStatus"] != "REVIEW_IN_PROGRESS")


def _reason(cloudformation: Any, error: Exception) -> str:
    try:
        events = cloudformation.describe_stack_events(StackName=STACK_NAME)["StackEvents"]
    except ClientError:
        events = []
    failed = [event for event in events if event["ResourceStatus"].endswith("FAILED")]
    if failed:
        first = failed[-1]
        return (
            f"{first['LogicalResourceId']}: {first.get('ResourceStatusReason', 'no reason given')}"
        )
    return str(error.response["Error"]["Message"] if isinstance(error, ClientError) else error)
