"""The versions of a secret and their staging labels.

moto holds a version as a dictionary. Beside moto's keys, `caller` is the ARN of the principal that
put its value, `by_event` whether with a RotationToken of the version's own rotation, and
`rotation_tokens` has those.
"""

from typing import Any

from moto.secretsmanager.models import FakeSecret

Version = dict[str, Any]

CURRENT, PENDING, PREVIOUS = "AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"


def empty_version(version_id: str, created: float) -> Version:
    """A version without a value or a label."""
    version: Version = {"version_stages": [], "rotation_tokens": set()}
    return version | {"createdate": created, "version_id": version_id}


def has_value(version: Version) -> bool:
    """Whether GetSecretValue finds one."""
    return version.get("secret_string") is not None or version.get("secret_binary") is not None


def version_with(secret: FakeSecret, label: str) -> str | None:
    """The id of the version that has the label."""
    versions: dict[str, Version] = secret.versions
    return next((key for key, value in versions.items() if label in value["version_stages"]), None)


def attach(secret: FakeSecret, label: str, version_id: str | None) -> None:
    """Moves the label to the version, or off all; AWSPREVIOUS goes where AWSCURRENT was.

    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
    """
    before = version_with(secret, label)
    if before == version_id:
        return
    if before:
        secret.versions[before]["version_stages"].remove(label)
    if version_id:
        labels = secret.versions[version_id]["version_stages"]
        labels[:] = sorted([*labels, label])
    if label == CURRENT:
        secret.set_default_version_id(version_id)
        if before:
            attach(secret, PREVIOUS, before)


def listed(version: Version) -> dict[str, Any]:
    """A version as ListSecretVersionIds shows it: one without a label has no VersionStages."""
    shown = {"VersionId": version["version_id"], "CreatedDate": version["createdate"]}
    labels = version["version_stages"]
    return {**shown, "VersionStages": list(labels)} if labels else shown


def described(secret: FakeSecret, stages: str) -> dict[str, Any]:
    """DescribeSecret's answer; `stages` is the key of the labels, of labeled versions only.

    Without null values, as AWS answers. Dates of rotations only while it is on (API reference).
    """
    answer: dict[str, Any] = secret.to_dict() | {"RotationRules": rules(secret) or None}
    answer |= {"VersionIdsToStages": None, "SecretVersionsToStages": None}
    answer[stages] = {
        version_id: list(version["version_stages"])
        for version_id, version in secret.versions.items()
        if version["version_stages"]
    }
    if not secret.rotation_enabled:
        answer |= {"LastRotatedDate": None, "NextRotationDate": None}
    return {key: value for key, value in answer.items() if value is not None}


def rules(secret: FakeSecret) -> dict[str, Any]:
    """RotationRules as RotateSecret has stored them."""
    found: dict[str, Any] = getattr(secret, "rotation_rules", {})
    return found
