"""Secrets Manager as its guide describes it: staging labels, and rotation that calls a Lambda.

moto holds the secrets. Replaced here is what decides which version a client reads and what a
rotation function sees. [ROTATE] below is
https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html and [STAGE] is
https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
"""

from __future__ import annotations

import json
import logging
import os
import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar, cast

from botocore.exceptions import BotoCoreError, ClientError
from ministack.services import eventbridge
from moto.core.base_backend import BackendDict
from moto.core.exceptions import JsonRESTError
from moto.secretsmanager.exceptions import (
    InvalidParameterException,
    InvalidRequestException,
    ResourceExistsException,
    ResourceNotFoundException,
    SecretNotFoundException,
)
from moto.secretsmanager.models import FakeSecret, SecretsManagerBackend
from moto.secretsmanager.responses import SecretsManagerResponse

from local.access import Call, admits

logger = logging.getLogger(__name__)

Version = dict[str, Any]

CURRENT, PENDING, PREVIOUS = "AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"
_STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
_DAY_SECONDS = 86400


class LocalSecretsManager(SecretsManagerBackend):
    """moto's backend with AWS's labels and rotations.

    Environment: LOCAL_ROTATION_ATTEMPTS (default 3) is how often a whole rotation is tried and
    LOCAL_ROTATION_RETRY_SECONDS (default 2) the pause between two tries; AWS publishes neither.
    """

    lambda_client: ClassVar[Callable[[], Any]]
    #: What became of each rotation by its token; AWS tells it to CloudTrail.
    _told: ClassVar[dict[str, list[str]]] = {}
    _ended: ClassVar[set[str]] = set()

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._lock = threading.RLock()
        self._rotating: set[tuple[str, str]] = set()  # ARN and token
        self._attempts = int(os.environ.get("LOCAL_ROTATION_ATTEMPTS", "3"))
        self._pause = float(os.environ.get("LOCAL_ROTATION_RETRY_SECONDS", "2"))

    # Values

    def get_secret_value(
        self, secret_id: str, version_id: str | None, version_stage: str | None
    ) -> dict[str, Any]:
        """GetSecretValue: by version, by label, or what has AWSCURRENT."""
        with self._lock:
            secret = self._usable(secret_id)
            wanted = version_id or _holder(secret, version_stage or CURRENT)
            version = secret.versions.get(wanted or "", {})
            if not _has_value(version):
                subject = (
                    f"VersionId: {version_id}"
                    if version_id
                    else f"staging label: {version_stage or CURRENT}"
                )
                raise ResourceNotFoundException(
                    f"Secrets Manager can't find the specified secret value for {subject}"
                )
            if version_stage and version_stage not in version["version_stages"]:
                raise ResourceNotFoundException(
                    "You provided a VersionStage that is not associated to the provided VersionId."
                )
            answer = {
                "ARN": secret.arn,
                "Name": secret.name,
                "VersionId": version["version_id"],
                "VersionStages": list(version["version_stages"]),
                "CreatedDate": version["createdate"],
            }
            for key, name in (("secret_string", "SecretString"), ("secret_binary", "SecretBinary")):
                if version.get(key) is not None:
                    answer[name] = version[key]
            return answer

    def put_secret_value(
        self,
        secret_id: str,
        secret_string: str,
        secret_binary: str,
        client_request_token: str,
        version_stages: list[str],
    ) -> str:
        """PutSecretValue: a version that has a value keeps it; labels move to the version."""
        with self._lock:
            secret = self._usable(secret_id)
            version_id = self._from_client_request_token(client_request_token)
            version = secret.versions.get(version_id)
            values = {"secret_string": secret_string, "secret_binary": secret_binary}
            if version and _has_value(version):
                if any(version.get(key) != value for key, value in values.items()):
                    raise ResourceExistsException(
                        f"You can't use ClientRequestToken {version_id} because that value is "
                        f"already in use for a version of secret {secret.arn}."
                    )
            else:
                first = not secret.versions
                version = secret.versions.setdefault(version_id, _empty_version(version_id))
                version.update(values)
                labels = dict.fromkeys([*version_stages, *([CURRENT] if first else [])])
                for label in labels:
                    _attach(secret, label, version_id)
                secret.last_changed_date = int(time.time())
            return json.dumps(
                {
                    "ARN": secret.arn,
                    "Name": secret.name,
                    "VersionId": version_id,
                    "VersionStages": version["version_stages"],
                }
            )

    def update_secret(
        self,
        secret_id: str,
        secret_string: str | None = None,
        secret_binary: str | None = None,
        client_request_token: str | None = None,
        kms_key_id: str | None = None,
        description: str | None = None,
    ) -> str:
        """UpdateSecret; a new value becomes AWSCURRENT."""
        with self._lock:
            secret = self._usable(secret_id)
            secret.update(description or secret.description, secret.tags, kms_key_id)
            answer: dict[str, Any] = {"ARN": secret.arn, "Name": secret.name}
            if secret_string is not None or secret_binary is not None:
                put = self.put_secret_value(
                    secret_id,
                    cast(str, secret_string),
                    cast(str, secret_binary),
                    cast(str, client_request_token),
                    [CURRENT],
                )
                answer["VersionId"] = json.loads(put)["VersionId"]
            return json.dumps(answer)

    def update_secret_version_stage(
        self,
        secret_id: str,
        version_stage: str,
        remove_from_version_id: str | None,
        move_to_version_id: str | None,
    ) -> tuple[str, str]:
        """UpdateSecretVersionStage: all of the move, or an error and nothing."""
        with self._lock:
            secret = self._usable(secret_id)
            holder = _holder(secret, version_stage)
            if not remove_from_version_id and not move_to_version_id:
                raise InvalidParameterException(
                    "You must provide RemoveFromVersionId, MoveToVersionId or both."
                )
            for version_id in (remove_from_version_id, move_to_version_id):
                if version_id and version_id not in secret.versions:
                    raise ResourceNotFoundException(
                        f"Secrets Manager can't find the specified secret version: {version_id}"
                    )
            if move_to_version_id and holder == move_to_version_id:
                return secret.arn, secret.name
            # [STAGE]: a label that is attached must be taken from the version that has it.
            if holder and not remove_from_version_id:
                raise InvalidParameterException(
                    "The parameter RemoveFromVersionId can't be empty. Staging label "
                    f"{version_stage} is currently attached to version {holder}, so you must "
                    "explicitly reference that version in RemoveFromVersionId."
                )
            if remove_from_version_id and remove_from_version_id != holder:
                raise InvalidParameterException(
                    f"When you move staging label {version_stage}, if you specify "
                    "RemoveFromVersionId, it must be set to the version that currently has the "
                    f"staging label {version_stage}."
                )
            if version_stage == CURRENT and not move_to_version_id:
                raise InvalidParameterException(
                    f"You can only move staging label {CURRENT} to a different secret version. "
                    "It can't be completely removed."
                )
            _attach(secret, version_stage, move_to_version_id)
            secret.last_changed_date = int(time.time())
            return secret.arn, secret.name

    def list_secret_version_ids(self, secret_id: str) -> str:
        """ListSecretVersionIds: those that have a label."""
        with self._lock:
            secret = self._secret(secret_id)
            versions = [
                {
                    "VersionId": version_id,
                    "VersionStages": version["version_stages"],
                    "CreatedDate": version["createdate"],
                }
                for version_id, version in secret.versions.items()
                if version["version_stages"]
            ]
            return json.dumps({"ARN": secret.arn, "Name": secret.name, "Versions": versions})

    def describe(self, secret_id: str) -> dict[str, Any]:
        """DescribeSecret's answer."""
        with self._lock:
            return _described(self._secret(secret_id), "VersionIdsToStages")

    def list_secrets(
        self,
        filters: list[dict[str, Any]],
        max_results: int | None = None,
        next_token: str | None = None,
        include_planned_deletion: bool = False,
    ) -> tuple[list[dict[str, Any]], str | None]:
        """ListSecrets: like DescribeSecret, of all, and up to date."""
        with self._lock:
            listed, following = super().list_secrets(
                filters, max_results, next_token, include_planned_deletion
            )
            secrets = (self._secret(each["ARN"]) for each in listed)
            return [_described(each, "SecretVersionsToStages") for each in secrets], following

    # Rotation

    @classmethod
    def progress(cls, token: str) -> dict[str, Any]:
        """``{"told": [line], "ended"}`` of the rotation with that token."""
        return {"told": cls._told.get(token, []), "ended": token in cls._ended}

    def _tell(self, level: int, secret: FakeSecret, token: str, what: str) -> None:
        logger.log(level, "rotation %s %s %s", secret.name, token, what)
        self._told.setdefault(token, []).append(what)

    def rotate_secret(
        self,
        secret_id: str,
        client_request_token: str | None = None,
        rotation_lambda_arn: str | None = None,
        rotation_rules: dict[str, Any] | None = None,
        rotate_immediately: bool = True,
    ) -> str:
        """Begins a rotation and returns; what comes of it is in the labels and in the log."""
        secret = self._usable(secret_id)
        function = rotation_lambda_arn or secret.rotation_lambda_arn
        if not function:
            raise InvalidRequestException(
                "You tried to enable rotation on a secret that doesn't already have a Lambda "
                "function ARN configured and you didn't include such an ARN as a parameter in "
                "this call."
            )
        self._check_function(function)
        with self._lock:
            secret = self._usable(secret_id)
            pending = _holder(secret, PENDING)
            if pending and pending != _holder(secret, CURRENT):
                self._begin(secret, pending, function)
                raise InvalidRequestException(
                    "A previous rotation isn't complete. That rotation will be reattempted."
                )
            token = self._from_client_request_token(client_request_token)
            secret.rotation_requested = secret.rotation_enabled = True
            secret.rotation_lambda_arn = function
            if rotation_rules:
                secret.rotation_rules = rotation_rules
            secret.next_rotation_date = _next_rotation(_rules(secret))
            if token not in secret.versions:
                secret.versions[token] = _empty_version(token)
                _attach(secret, PENDING, token)
                self._begin(secret, token, function, only_test=not rotate_immediately)
            return json.dumps({"ARN": secret.arn, "Name": secret.name, "VersionId": token})

    def cancel_rotate_secret(self, secret_id: str) -> str:
        """CancelRotateSecret; the function and the rules stay."""
        with self._lock:
            answer: str = super().cancel_rotate_secret(secret_id)
            self._secret(secret_id).next_rotation_date = None
            return answer

    def age(self, secret_id: str, days: float) -> None:
        """Make the secret's rotation dates so much older, as if time had passed."""
        with self._lock:
            secret, seconds = self._secret(secret_id), int(days * _DAY_SECONDS)
            for name in ("last_rotation_date", "next_rotation_date"):
                if date := getattr(secret, name):
                    setattr(secret, name, date - seconds)

    def _begin(
        self, secret: FakeSecret, token: str, function: str, *, only_test: bool = False
    ) -> None:
        if (secret.arn, token) not in self._rotating:
            self._rotating.add((secret.arn, token))
            self._ended.discard(token)
            work = self._test if only_test else self._rotate
            threading.Thread(target=work, args=(secret, token, function), daemon=True).start()

    def _rotate(self, secret: FakeSecret, token: str, function: str) -> None:
        try:
            for attempt in range(1, self._attempts + 1):
                if attempt > 1:
                    time.sleep(self._pause)
                if secret.is_deleted() or not secret.rotation_enabled:
                    self._tell(logging.WARNING, secret, token, "abandoned")
                    return
                if self._run(secret, token, function, _STEPS, f"attempt {attempt}"):
                    with self._lock:
                        secret.last_rotation_date = int(time.time())
                        if secret.rotation_enabled:
                            secret.next_rotation_date = _next_rotation(_rules(secret))
                    self._tell(logging.INFO, secret, token, f"attempt {attempt} succeeded")
                    return
            self._tell(logging.ERROR, secret, token, "failed")
        finally:
            self._rotating.discard((secret.arn, token))
            self._ended.add(token)

    def _test(self, secret: FakeSecret, token: str, function: str) -> None:
        """[ROTATE], RotateImmediately: only testSecret, on a version that exists for it alone."""
        try:
            if self._run(secret, token, function, ["testSecret"], "test"):
                self._tell(logging.INFO, secret, token, "test succeeded")
        finally:
            with self._lock:
                secret.versions.pop(token, None)
            self._rotating.discard((secret.arn, token))

    def _run(self, secret: FakeSecret, token: str, function: str, steps: Any, attempt: str) -> bool:
        """Whether every step's invocation ended without an error."""
        for step in steps:
            event = {"Step": step, "SecretId": secret.arn, "ClientRequestToken": token}
            try:
                answer = (
                    type(self)
                    .lambda_client()
                    .invoke(FunctionName=function, Payload=json.dumps(event))
                )
                if "FunctionError" not in answer:
                    continue
                # The message is left out: a careless function may put a password into it.
                error = json.loads(answer["Payload"].read()).get("errorType", "Unhandled")
            except ClientError as refused:
                error = refused.response["Error"]["Code"]
            except BotoCoreError as failed:
                error = type(failed).__name__
            self._tell(logging.WARNING, secret, token, f"{attempt} step {step} failed: {error}")
            return False
        return True

    def _check_function(self, function: str) -> None:
        """Raises what RotateSecret answers when Secrets Manager may not invoke the function."""
        try:
            client = type(self).lambda_client()
            client.get_function(FunctionName=function)
        except ClientError:
            raise ResourceNotFoundException(
                "Secrets Manager can't find the specified Lambda function."
            ) from None
        try:
            policy = json.loads(client.get_policy(FunctionName=function)["Policy"])
        except ClientError:
            policy = {"Statement": []}
        source = {"aws:sourceaccount": self.account_id}
        call = Call("secretsmanager.amazonaws.com", "lambda:InvokeFunction", function, source)
        if not admits(policy, call):
            raise JsonRESTError(
                "AccessDeniedException",
                "Secrets Manager cannot invoke the specified Lambda function. Ensure that the "
                "function policy grants access to the principal secretsmanager.amazonaws.com.",
            )

    # Secrets

    def _secret(self, secret_id: str) -> FakeSecret:
        if secret_id not in self.secrets:
            raise SecretNotFoundException()
        return cast(FakeSecret, self.secrets[secret_id])

    def _usable(self, secret_id: str) -> FakeSecret:
        secret = self._secret(secret_id)
        if secret.is_deleted():
            raise InvalidRequestException(
                "You can't perform this operation on the secret because it was marked for deletion."
            )
        return secret


backends = BackendDict(LocalSecretsManager, "secretsmanager")


class LocalSecretsManagerResponse(SecretsManagerResponse):
    """moto's requests and answers, on the backend above."""

    @property
    def backend(self) -> Any:
        """The backend of the request's account and region."""
        return backends[self.current_account][self.region]

    def describe_secret(self) -> str:
        """DescribeSecret."""
        return json.dumps(self.backend.describe(self._get_param("SecretId")))


def _empty_version(version_id: str) -> Version:
    return {"createdate": int(time.time()), "version_id": version_id, "version_stages": []}


def _has_value(version: Version) -> bool:
    return version.get("secret_string") is not None or version.get("secret_binary") is not None


def _holder(secret: FakeSecret, label: str) -> str | None:
    """The id of the version that has the label."""
    versions: dict[str, Version] = secret.versions
    return next((key for key, value in versions.items() if label in value["version_stages"]), None)


def _attach(secret: FakeSecret, label: str, version_id: str | None) -> None:
    """Moves the label to the version, or off all; AWSPREVIOUS goes where AWSCURRENT was [STAGE]."""
    holder = _holder(secret, label)
    if holder == version_id:
        return
    if holder:
        secret.versions[holder]["version_stages"].remove(label)
    if version_id:
        secret.versions[version_id]["version_stages"].append(label)
    if label == CURRENT:
        secret.set_default_version_id(version_id)
        if holder:
            _attach(secret, PREVIOUS, holder)


def _described(secret: FakeSecret, stages: str) -> dict[str, Any]:
    """Labelled versions only, and the rotation rules as they came; ``stages`` is their key."""
    answer: dict[str, Any] = secret.to_dict()
    for key in ("VersionIdsToStages", "SecretVersionsToStages"):
        answer.pop(key, None)
    answer[stages] = {
        version_id: list(version["version_stages"])
        for version_id, version in secret.versions.items()
        if version["version_stages"]
    }
    if secret.rotation_requested:
        answer["RotationRules"] = _rules(secret)
    return answer


def _rules(secret: FakeSecret) -> dict[str, Any]:
    rules: dict[str, Any] = getattr(secret, "rotation_rules", {})
    return rules


def _next_rotation(rules: dict[str, Any]) -> int | None:
    """Epoch seconds of the next rotation by the rules, without its window."""
    expression = rules.get("ScheduleExpression", "")
    if days := rules.get("AutomaticallyAfterDays"):
        return int(time.time()) + int(days) * _DAY_SECONDS
    if rate := re.fullmatch(r"rate\((\d+) (hour|day)s?\)", expression):
        return int(time.time()) + int(rate[1]) * (3600 if rate[2] == "hour" else _DAY_SECONDS)
    # The same fields as EventBridge's (user guide, "Schedule expressions").
    fields = eventbridge._parse_cron_fields(expression)
    found = fields and eventbridge._cron_next_fire(fields, datetime.now(UTC))
    return int(found.timestamp()) if found else None
