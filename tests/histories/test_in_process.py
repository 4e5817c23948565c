"""Secrets Manager is as strict in one process as it is on the local AWS."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

import generate_password
import rotate_secret
from local.assumptions import Assumptions
from tests.histories.in_process import ROTATION_FUNCTION, START, InProcess

OTHER = ROTATION_FUNCTION.replace("RotateSecret", "GeneratePassword")


@pytest.fixture
def inside() -> Iterator[InProcess]:
    with InProcess(assumptions=Assumptions()).set_up() as aws:
        yield aws


@pytest.mark.parametrize(
    "by_another, gives_token, accepted",
    [(False, False, True), (True, False, False), (True, True, True)],
)
def test_a_version_is_the_rotation_functions_own_or_has_its_token(
    inside: InProcess,
    monkeypatch: pytest.MonkeyPatch,
    by_another: bool,
    gives_token: bool,
    accepted: bool,
) -> None:
    def put(event: dict[str, Any], context: Any) -> None:
        inside.secrets.put_secret_value(**event["Put"])

    def rotate(event: dict[str, Any], context: Any) -> None:
        if event["Step"] != "createSecret":
            return
        value = {
            "SecretId": event["SecretId"],
            "ClientRequestToken": event["ClientRequestToken"],
            "SecretString": "new",
            "VersionStages": ["AWSPENDING"],
            **({"RotationToken": event["RotationToken"]} if gives_token else {}),
        }
        if by_another:
            inside._invoke(OTHER, json.dumps({"Put": value}))
        else:
            inside.secrets.put_secret_value(**value)

    monkeypatch.setattr(rotate_secret, "handler", rotate)
    monkeypatch.setattr(generate_password, "handler", put)
    inside.secrets.create_secret(Name="secret", SecretString="old")
    token = inside.secrets.rotate_secret(SecretId="secret")["VersionId"]
    inside.stage.run()
    told = inside._secrets.progress(token)["told"]
    assert (told == ["attempt 1 succeeded"]) is accepted
    assert ("was not created by Lambda" in told[0]) is not accepted


def test_dates_are_the_stages_and_of_boto3s_type(inside: InProcess) -> None:
    inside.secrets.create_secret(Name="secret", SecretString="old")
    inside.stage.pass_time(60)
    inside.secrets.put_secret_value(SecretId="secret", SecretString="new")
    [older, newer] = inside.secrets.list_secret_version_ids(SecretId="secret")["Versions"]
    assert 60 <= (newer["CreatedDate"] - older["CreatedDate"]).total_seconds() < 61
    assert older["CreatedDate"].astimezone(UTC).date() == START.date()
    found = inside.secrets.get_secret_value(SecretId="secret")
    assert isinstance(found["CreatedDate"], datetime)
