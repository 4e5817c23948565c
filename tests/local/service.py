"""Secrets Manager in process, with functions that are fakes."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.core.exceptions import JsonRESTError

from local.assumptions import Assumptions
from local.secrets_manager import LocalSecretsManager
from tests.local.helpers import eventually

ACCOUNT, REGION = "123456789012", "us-east-1"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:rotate"
OTHER = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:other"
ITSELF = f"arn:aws:sts::{ACCOUNT}:assumed-role/rotates/rotate"
PERSON = f"arn:aws:iam::{ACCOUNT}:root"
FIRST, SECOND, THIRD = "1" * 32, "2" * 32, "3" * 32
STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"]
NAME = "secret"
DAILY = {"AutomaticallyAfterDays": 1}


class Lambda:
    """Two functions, of which `does` has what they do at a step, by the step's name."""

    def __init__(self) -> None:
        #: Whom the functions' resource policies allow to invoke them.
        self.principal = "secretsmanager.amazonaws.com"
        self.events: list[dict[str, str]] = []
        self.called: list[str] = []
        self.does: dict[str, Callable[[dict[str, str]], object]] = {}

    def invoke(self, FunctionName: str, Payload: str) -> dict[str, Any]:
        event = json.loads(Payload)
        self.events.append(event)
        self.called.append(FunctionName)
        try:
            does = self.does.get(event["Step"])
            returned = does(event) if does else None
            return {"Payload": io.BytesIO(json.dumps(returned).encode())}
        except LookupError as error:
            answer = {"errorType": type(error).__name__, "errorMessage": "hunter2"}
            payload = io.BytesIO(json.dumps(answer).encode())
            return {"FunctionError": "Unhandled", "Payload": payload}

    def get_function(self, FunctionName: str) -> dict[str, Any]:
        name = FunctionName.rsplit(":", 1)[1]
        if name not in ("rotate", "other"):
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetFunction")
        role = f"arn:aws:iam::{ACCOUNT}:role/path/rotates"
        return {"Configuration": {"FunctionName": name, "Role": role}}

    def get_policy(self, FunctionName: str) -> dict[str, Any]:
        principal = {"Service": self.principal}
        return {"Policy": json.dumps({"Statement": [{"Effect": "Allow", "Principal": principal}]})}

    @property
    def steps(self) -> list[str]:
        return [event["Step"] for event in self.events]


class Service(LocalSecretsManager):
    """With one secret, whose value "old" is version FIRST; no pause takes any time."""

    def __init__(self) -> None:
        super().__init__(REGION, ACCOUNT)
        self.assume()
        self.functions = functions = Lambda()
        self.pauses: list[float] = []
        self.later: list[tuple[float, Callable[[], None]]] = []
        type(self).lambda_client = staticmethod(lambda: functions)
        functions.does = {"createSecret": self.create, "finishSecret": self.finish}
        self.create_secret(NAME, "old", None, None, [], None, FIRST, [], False)

    def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def _after(self, seconds: float, work: Callable[..., None], *arguments: Any) -> None:
        self.later.append((seconds, lambda: work(*arguments)))

    def assume(self, **values: Any) -> None:
        self.assumptions = replace(Assumptions(), **values)

    def create(self, event: dict[str, str]) -> None:
        self.put("new", event["ClientRequestToken"], "AWSPENDING", caller=ITSELF)

    def finish(self, event: dict[str, str]) -> None:
        current = next(v for v, labels in self.labels().items() if "AWSCURRENT" in labels)
        self.move("AWSCURRENT", current, event["ClientRequestToken"])

    def __call__(self, operation: str, caller: str = PERSON, **request: Any) -> dict[str, Any]:
        return self.call(operation, {"SecretId": NAME, **request}, caller)

    def move(self, label: str, away_from: str | None, to: str | None) -> None:
        versions: dict[str, Any] = {"RemoveFromVersionId": away_from, "MoveToVersionId": to}
        self("UpdateSecretVersionStage", VersionStage=label, **versions)

    def put(
        self, value: str, version: str, *labels: str, caller: str = PERSON, by: str | None = None
    ) -> None:
        made: dict[str, Any] = {"SecretString": value, "ClientRequestToken": version}
        made["RotationToken"] = by
        self("PutSecretValue", caller, **made, VersionStages=[*labels] or ["AWSCURRENT"])

    def rotate(self, token: str = SECOND, **how: Any) -> list[str]:
        """To its end; what Secrets Manager says of it."""
        self.begin(token, **how)
        return self.ended(token)

    def begin(self, token: str, function: str = FUNCTION, **how: Any) -> None:
        self("RotateSecret", ClientRequestToken=token, RotationLambdaARN=function, **how)

    def ended(self, token: str = SECOND) -> list[str]:
        eventually(lambda: self.progress(token)["ended"], "the end of the rotation")
        messages: list[str] = self.progress(token)["messages"]
        return messages

    def labels(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = self.described()["VersionIdsToStages"]
        return found

    def described(self) -> dict[str, Any]:
        return self("DescribeSecret")

    def versions(self, **how: Any) -> dict[str, Any]:
        found = self("ListSecretVersionIds", **how)["Versions"]
        return {each["VersionId"]: each for each in found}


def refusal(call: Callable[..., object], *arguments: Any, **more: Any) -> tuple[str, str]:
    with pytest.raises(JsonRESTError) as caught:
        call(*arguments, **more)
    return caught.value.error_type, caught.value.message


def fail(event: dict[str, str]) -> None:
    raise LookupError
