"""Secrets Manager as its guide describes it: versions, staging labels, and RotateSecret.

moto holds the secrets. Replaced here is what decides which version a client reads and what a
rotation function sees; rotations.py has what a rotation does.
"""

import json
from typing import Any, cast

from moto.core.base_backend import BackendDict
from moto.core.exceptions import JsonRESTError
from moto.core.utils import camelcase_to_underscores
from moto.secretsmanager.exceptions import (
    InvalidParameterException,
    InvalidRequestException,
    ResourceExistsException,
    ResourceNotFoundException,
    SecretNotFoundException,
)
from moto.secretsmanager.models import FakeSecret
from moto.secretsmanager.responses import SecretsManagerResponse

from local import access, rotation_schedule
from local.rotations import RotatingSecretsManager
from local.secret_requests import OPERATIONS, check_parameters, check_rotation_token, move_problem
from local.secret_versions import (
    CURRENT,
    PENDING,
    attach,
    described,
    empty_version,
    has_value,
    listed,
    rules,
    version_with,
)

Shape = dict[str, Any]

_DAY_SECONDS = 86400
_VALUES = {"secret_string": "SecretString", "secret_binary": "SecretBinary"}  # moto's keys: AWS's


class LocalSecretsManager(RotatingSecretsManager):
    """moto's backend with AWS's labels and rotations."""

    def call(self, operation: str, request: Shape, caller: str) -> Shape:
        """Performs one of OPERATIONS for the caller, by its ARN; raises JsonRESTError."""
        by = {"caller": caller} if operation == "PutSecretValue" else {}
        with self._lock:
            method = getattr(self, camelcase_to_underscores(operation))
            answer: Shape = method(request, **by)
            return answer

    # Values

    def create_secret(self, name: str, *arguments: Any, **more: Any) -> str:
        with self._lock:
            new = name not in self.secrets
            answer: str = super().create_secret(name, *arguments, **more)
            if new:
                secret = self._secret(name)
                secret.created_date = secret.last_changed_date = self._now()
                for version in secret.versions.values():
                    version["createdate"] = secret.created_date
            return answer

    def get_secret_value(self, request: Shape) -> Shape:
        """By version, by label, or what has AWSCURRENT."""
        secret = self._usable(request)
        version_id, label = request.get("VersionId"), request.get("VersionStage")
        version = secret.versions.get(
            version_id or version_with(secret, label or CURRENT) or "", {}
        )
        if version and label and label not in version["version_stages"]:
            raise InvalidRequestException(
                "You provided a VersionStage that is not associated to the provided VersionId."
            )
        if not has_value(version):
            by_label = f"staging label: {label or CURRENT}"
            wanted = f"VersionId: {version_id}" if version_id else by_label
            raise ResourceNotFoundException(
                f"Secrets Manager can't find the specified secret value for {wanted}"
            )
        values = {name: version[key] for key, name in _VALUES.items() if version.get(key)}
        return {"ARN": secret.arn, "Name": secret.name, **listed(version), **values}

    def put_secret_value(self, request: Shape, caller: str = "") -> Shape:
        """A version that has a value keeps it; labels move to the version.

        `caller` is the principal's ARN; it, or the token of an event, makes the value one of the
        rotation function's. A new AWSCURRENT counts as a rotation (API reference,
        RotationRulesType) and abandons the one in progress.
        """
        check_rotation_token(request.get("RotationToken"))
        values = {key: request.get(name) for key, name in _VALUES.items()}
        if not any(values.values()):
            raise InvalidRequestException("You must provide either SecretString or SecretBinary.")
        secret = self._usable(request)
        version_id = self._from_client_request_token(request.get("ClientRequestToken"))
        version = secret.versions.get(version_id)
        if not version or not has_value(version):
            self._store(secret, version_id, request, values | {"caller": caller})
        elif any(version.get(key) != value for key, value in values.items()):
            raise ResourceExistsException(
                f"You can't use ClientRequestToken {version_id} because that value is "
                f"already in use for a version of secret {secret.arn}."
            )
        answer = {"ARN": secret.arn, "Name": secret.name, "VersionId": version_id}
        return {**answer, "VersionStages": secret.versions[version_id]["version_stages"]}

    def _store(self, secret: FakeSecret, version_id: str, request: Shape, values: Shape) -> None:
        now, new = self._now(), version_id not in secret.versions
        labels = {*request.get("VersionStages", [CURRENT])}
        labels |= set() if secret.versions else {CURRENT}
        if CURRENT in labels or (new and self.assumptions.any_version_abandons):
            self._abandon(secret)
        version = secret.versions.setdefault(version_id, empty_version(version_id, now))
        if not self.assumptions.created_when_staged:
            version["createdate"] = now
        by_event = request.get("RotationToken") in version["rotation_tokens"]
        version.update(values, by_event=by_event)
        for label in labels:
            attach(secret, label, version_id)
        secret.last_changed_date = now
        if CURRENT in labels:
            self._count_as_rotated(secret)

    def update_secret(self, request: Shape) -> Shape:
        """A new value becomes AWSCURRENT."""
        secret = self._usable(request)
        answer: Shape = {"ARN": secret.arn, "Name": secret.name}
        if _VALUES.values() & request.keys():
            answer["VersionId"] = self.put_secret_value(request)["VersionId"]
        description = request.get("Description") or secret.description
        secret.update(description, secret.tags, request.get("KmsKeyId"), self._now())
        return answer

    def update_secret_version_stage(self, request: Shape) -> Shape:
        """All of the move, or an error and nothing."""
        secret, label = self._usable(request), request["VersionStage"]
        attached_to = version_with(secret, label)
        source, target = request.get("RemoveFromVersionId"), request.get("MoveToVersionId")
        for version_id in (source, target):
            if version_id and version_id not in secret.versions:
                raise ResourceNotFoundException(
                    f"Secrets Manager can't find the specified secret version: {version_id}"
                )
        if not target or attached_to != target:
            if problem := move_problem(label, attached_to, source, target):
                raise InvalidParameterException(problem)
            attach(secret, label, target)
            secret.last_changed_date = self._now()
        return {"ARN": secret.arn, "Name": secret.name}

    def list_secret_version_ids(self, request: Shape) -> Shape:
        """Those that have a label, or all."""
        secret = self._secret(request["SecretId"])
        versions = [
            listed(version)
            for version in secret.versions.values()
            if version["version_stages"] or request.get("IncludeDeprecated")
        ]
        page, following = self._get_secret_values_page_and_next_token(
            versions, request.get("MaxResults"), request.get("NextToken")
        )
        answer = {"ARN": secret.arn, "Name": secret.name, "Versions": page}
        return {**answer, "NextToken": following} if following else answer

    def describe_secret(self, request: Shape) -> Shape:
        return described(self._secret(request["SecretId"]), "VersionIdsToStages")

    def list_secrets(self, *arguments: Any, **more: Any) -> tuple[list[Shape], str | None]:
        """Like DescribeSecret, of all."""
        with self._lock:
            shown, following = super().list_secrets(*arguments, **more)
            secrets = (self._secret(each["ARN"]) for each in shown)
            return [described(each, "SecretVersionsToStages") for each in secrets], following

    # Rotation

    def rotate_secret(self, request: Shape) -> Shape:
        """Begins a rotation and returns; what comes of it is in the labels and in the log.

        A call that is refused stores nothing.
        """
        secret = self._usable(request)
        function = request.get("RotationLambdaARN") or secret.rotation_lambda_arn
        if not function:
            text = "No Lambda rotation function ARN is associated with this secret."
            raise InvalidRequestException(text)
        rotation_schedule.check(request.get("RotationRules") or {})
        self._check_function(function)
        pending, current = version_with(secret, PENDING), version_with(secret, CURRENT)
        if pending and pending != current:
            if self.assumptions.refusal_reattempts and secret.rotation_lambda_arn:
                self._begin(secret, pending, secret.rotation_lambda_arn)
            raise InvalidRequestException(
                "A previous rotation isn\u2019t complete. That rotation will be reattempted."
            )
        token = self._from_client_request_token(request.get("ClientRequestToken"))
        now = self._now()
        secret.rotation_requested = secret.rotation_enabled = True
        secret.rotation_lambda_arn = function
        secret.rotation_rules = request.get("RotationRules") or rules(secret)
        secret.next_rotation_date = rotation_schedule.next_rotation(rules(secret), now)
        if token not in secret.versions:
            version = secret.versions[token] = empty_version(token, now)
            only_test = not request.get("RotateImmediately", True)
            if only_test and current:
                # Not in the API reference: recorded (docs/local-aws.md).
                version |= {key: secret.versions[current].get(key) for key in _VALUES}
            attach(secret, PENDING, token)
            self._begin(secret, token, function, only_test=only_test)
        return {"ARN": secret.arn, "Name": secret.name, "VersionId": token}

    def cancel_rotate_secret(self, secret_id: str) -> str:
        """The function and the rules stay."""
        with self._lock:
            answer: str = super().cancel_rotate_secret(secret_id)
            self._secret(secret_id).next_rotation_date = None
            return answer

    def age(self, secret_id: str, days: float) -> None:
        """Make the secret's rotation dates so much older, as if time had passed."""
        with self._lock:
            secret = self._secret(secret_id)
            for name in ("last_rotation_date", "next_rotation_date"):
                if date := getattr(secret, name):
                    setattr(secret, name, date - days * _DAY_SECONDS)

    # Secrets

    def _secret(self, secret_id: str) -> FakeSecret:
        if secret_id not in self.secrets:
            raise SecretNotFoundException()
        return cast(FakeSecret, self.secrets[secret_id])

    def _usable(self, request: Shape) -> FakeSecret:
        secret = self._secret(request["SecretId"])
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
        return backends[self.current_account][self.region]

    def call_action(self) -> Any:
        """Answers one request, or refuses it by the name of what is not here."""
        operation, request = self._get_action(), json.loads(self.body or "{}")
        try:
            check_parameters(operation, request)
            if operation in OPERATIONS:
                caller = access.caller(self.headers, self.current_account).arn
                return 200, {}, json.dumps(self.backend.call(operation, request, caller))
        except JsonRESTError as refused:
            return refused.code, dict(refused.get_headers()), refused.description
        return super().call_action()
