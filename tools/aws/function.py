"""Inline code: one function rotates as its secret's description says, another makes its calls.

They log ids, labels and words, but no value and no RotationToken.
"""

import json
import os
import time
from typing import Any

import boto3
from botocore.exceptions import ClientError

secrets = boto3.client("secretsmanager")
Shape = dict[str, Any]


def handler(event: Shape, context: object) -> dict[str, str]:
    if "Calls" in event:
        try:
            call(event["Calls"])
        except ClientError as error:
            return {"error": error.response["Error"]["Code"]}
        return {}
    arn = event["SecretId"]
    described = secrets.describe_secret(SecretId=arn)
    if "Step" not in event:  # Are both roles in effect yet?
        make("other", [["describe_secret", {"SecretId": arn}]])
        return {}
    step = {"name": event["Step"], "version": event["ClientRequestToken"]}
    step["before"] = state(event)
    failure = ""
    try:
        act(event, json.loads(described["Description"]), step["before"])
    except ClientError as refused:
        failure = refused.response["Error"]["Code"]
    except Exception as failed:
        failure = str(failed) if type(failed) is RuntimeError else type(failed).__name__
    step |= {"after": state(event), "error": failure}
    print(json.dumps({"secret": described["Name"], "step": step}))
    if failure:
        raise RuntimeError(failure)
    return {}


def act(event: Shape, plan: Shape, before: Shape) -> None:
    step, arn, version = event["Step"], event["SecretId"], event["ClientRequestToken"]
    label = {"SecretId": arn, "VersionStage": "AWSPENDING", "RemoveFromVersionId": version}
    drop = ["update_secret_version_stage", label]
    if step == "createSecret" and before["value"] == "none" and plan["put"]:
        time.sleep(plan.get("pause", 0))
        put = {"SecretId": arn, "ClientRequestToken": version, "VersionStages": ["AWSPENDING"]}
        put["SecretString"] = json.dumps({"made for": version})
        if plan.get("token") and "RotationToken" in event:
            put["RotationToken"] = event["RotationToken"]
        make(plan["put"], [["put_secret_value", put]])
    if step == plan.get("fails"):
        if plan.get("drops") and "AWSPENDING" in before["labels"]:
            call([drop])
        raise RuntimeError("as planned")
    if step == plan.get("moves in", "finishSecret") and "AWSCURRENT" not in before["labels"]:
        current = secrets.get_secret_value(SecretId=arn)["VersionId"]
        move = {**label, "VersionStage": "AWSCURRENT", "MoveToVersionId": version}
        move["RemoveFromVersionId"] = current
        calls = [["update_secret_version_stage", move], drop]
        make(plan.get("moves", "self"), calls if plan.get("cleans") else calls[:1])


def make(by: str, calls: list[Any]) -> None:
    if by == "self":
        call(calls)
        return
    response = boto3.client("lambda").invoke(
        FunctionName=os.environ["OTHER"], Payload=json.dumps({"Calls": calls})
    )
    if failure := json.loads(response["Payload"].read()):
        error = failure.get("error") or failure.get("errorType")
        raise RuntimeError(f"another function: {error}")


def call(calls: list[Any]) -> None:
    for operation, parameters in calls:
        getattr(secrets, operation)(**parameters)


def state(event: Shape) -> Shape:
    arn, version = event["SecretId"], event["ClientRequestToken"]
    stages = secrets.describe_secret(SecretId=arn)["VersionIdsToStages"]
    versions = secrets.list_secret_version_ids(SecretId=arn, IncludeDeprecated=True)["Versions"]
    dates = [it["CreatedDate"].timestamp() for it in versions if it["VersionId"] == version]
    value = "none"
    try:
        own = secrets.get_secret_value(SecretId=arn, VersionId=version)["SecretString"]
        current = secrets.get_secret_value(SecretId=arn)["SecretString"]
        value = "that of AWSCURRENT" if own == current else "its own"
    except secrets.exceptions.ResourceNotFoundException:
        pass
    return {"labels": sorted(stages.get(version, [])), "value": value, "created": dates[:1]}
