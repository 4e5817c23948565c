"""What `terraform apply` does with examples/terraform, without terraform: its provider's calls.

A run evaluates the file itself, looks at each resource, compares, and makes the calls that provider
aws makes: hashicorp/terraform-provider-aws, internal/service/elasticache/user.go and user_group.go,
internal/service/secretsmanager/secret.go, secret_version.go, secret_rotation.go, and the ephemeral
random_password_ephemeral.go and secret_version_ephemeral.go. `passwords_wo` goes to CreateUser, and
to ModifyUser only with another `passwords_wo_version` (its pull request 45988).
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import hcl2

from tests.local.helpers import eventually

Arguments = dict[str, Any]

MAIN = Path(__file__).parents[2] / "examples/terraform/main.tf"
_DATA = {
    "data.aws_caller_identity.current.account_id": "123456789012",
    "data.aws_partition.current.partition": "aws",
    "data.aws_region.current.region": "us-east-1",
}
#: Another value makes another resource.
_FORCES_NEW = {"name", "secret_id", "secret_string_wo_version", "user_id", "user_name"}


def parsed(text: str = MAIN.read_text()) -> dict[str, Any]:
    """The file's blocks: by kind, then by type and name, or by name alone."""
    options = hcl2.SerializationOptions(
        with_comments=False,
        explicit_blocks=False,
        strip_string_quotes=True,
    )
    found: dict[str, Any] = {}
    for kind, blocks in hcl2.loads(text, serialization_options=options).items():
        for block in blocks:
            for label, body in block.items():
                found.setdefault(kind, {}).setdefault(label, {}).update(
                    body if isinstance(body, dict) else {"": body},
                )
    return found


class Terraform:
    """A configuration and its state."""

    def __init__(self, secrets: Any, elasticache: Any, configuration: dict[str, Any]) -> None:
        self.configuration = configuration
        self.state: dict[str, Arguments] = {}
        self._variables: dict[str, str] = {
            name: body["default"]
            for name, body in configuration["variable"].items()
            if "default" in body
        }
        self._provider = Provider(secrets, elasticache)
        self._applied: set[str] = set()
        self._opened: dict[str, Arguments] = {}

    def apply(self, **variables: str) -> None:
        """Bring about what the configuration says; variables stay as they were last given."""
        self._variables |= variables
        self._applied, self._opened = set(), {}
        for kind, resources in self.configuration["resource"].items():
            for name in resources:
                self._resource(kind, name)

    def _resource(self, kind: str, name: str) -> Arguments:
        """Its attributes, after what this run has to do about it."""
        address = f"{kind}.{name}"
        if address in self._applied:
            return self.state[address]
        block = dict(self.configuration["resource"][kind][name])
        self._value(block.pop("depends_on", []))
        lifecycle = block.pop("lifecycle", [{}])[0]
        wanted = {argument: self._value(written) for argument, written in block.items()}
        before = self.state.get(address)
        found = self._provider.look(kind, before) if before else None
        if before is None or found is None:
            made = self._provider.create[kind](wanted)
        else:
            made = {**before, **found}
            changed = {
                argument
                for argument in wanted.keys() - {*lifecycle.get("ignore_changes", [])}
                if not argument.endswith("_wo") and made.get(argument) != wanted[argument]
            }
            if changed & _FORCES_NEW:
                made = self._provider.create[kind](wanted)
            elif changed:
                self._provider.update[kind](made, wanted, changed)
        # Write-only arguments are in no state.
        kept = {key: value for key, value in wanted.items() if not key.endswith("_wo")}
        self.state[address] = {**kept, **made}
        self._applied.add(address)
        return self.state[address]

    def _value(self, written: Any) -> Any:
        if isinstance(written, list):
            values = [self._value(each) for each in written]
            # Blocks stay in their order; lists of texts are sets for this provider.
            return values if any(isinstance(each, dict) for each in values) else set(values)
        if isinstance(written, dict):
            return {key: self._value(each) for key, each in written.items()}
        if not isinstance(written, str):
            return written
        if whole := re.fullmatch(r"\$\{((?:[^$])*)\}", written):
            return self._expression(whole[1])
        return re.sub(r"\$\{([^}]*)\}", lambda found: self._expression(found[1]), written)

    def _expression(self, text: str) -> Any:
        if made := re.fullmatch(r"jsonencode\(\{(.*)\}\)", text):
            pairs = (pair.split(" = ") for pair in made[1].split(", "))
            return json.dumps({key: self._expression(value) for key, value in pairs})
        if taken := re.fullmatch(r"jsondecode\((.*)\)\.(\w+)", text):
            return json.loads(self._expression(taken[1]))[taken[2]]
        if text in _DATA:
            return _DATA[text]
        kind, name, *rest = text.split(".")
        if kind == "var":
            return self._variables[name]
        if kind == "local":
            return self._value(self.configuration["locals"][name][""])
        if kind == "ephemeral":
            return self._ephemeral(name, rest[0])[rest[1]]
        attributes = self._resource(kind, name)
        return attributes[rest[0]] if rest else attributes

    def _ephemeral(self, kind: str, name: str) -> Arguments:
        """Opened once in a run, when it is first needed."""
        address = f"{kind}.{name}"
        if address not in self._opened:
            block = self.configuration["ephemeral"][kind][name]
            asked = {key: self._value(written) for key, written in block.items()}
            self._opened[address] = self._provider.open[kind](asked)
        return self._opened[address]


class Provider:
    """Provider aws: what it calls for each type."""

    def __init__(self, secrets: Any, elasticache: Any) -> None:
        self._secrets = secrets
        self._elasticache = elasticache
        self.open: Mapping[str, Callable[[Arguments], Arguments]] = {
            "aws_secretsmanager_random_password": self._random_password,
            "aws_secretsmanager_secret_version": self._current_value,
        }
        self.create: Mapping[str, Callable[[Arguments], Arguments]] = {
            "aws_secretsmanager_secret": self._create_secret,
            "aws_secretsmanager_secret_version": self._put_version,
            "aws_secretsmanager_secret_rotation": self._rotate,
            "aws_elasticache_user": self._create_user,
            "aws_elasticache_user_group": self._create_group,
        }
        self.update: Mapping[str, Callable[[Arguments, Arguments, set[str]], object]] = {
            "aws_secretsmanager_secret_version": self._move_labels,
            "aws_secretsmanager_secret_rotation": lambda _, wanted, __: self._rotate(wanted),
            "aws_elasticache_user": self._modify_user,
        }

    def look(self, kind: str, state: Arguments) -> Arguments | None:
        """What is there now; None for what is not there any more."""
        looks: Mapping[str, Callable[[Arguments], Arguments | None]] = {
            "aws_secretsmanager_secret": self._secret,
            "aws_secretsmanager_secret_version": self._version,
            "aws_secretsmanager_secret_rotation": self._rotation,
            "aws_elasticache_user": lambda state: self._user(state["user_id"]),
            "aws_elasticache_user_group": lambda state: self._group(state["user_group_id"]),
        }
        return looks[kind](state)

    def _random_password(self, asked: Arguments) -> Arguments:
        found = self._secrets.get_random_password(
            PasswordLength=asked["password_length"],
            ExcludePunctuation=asked["exclude_punctuation"],
        )
        return {"random_password": found["RandomPassword"]}

    def _current_value(self, asked: Arguments) -> Arguments:
        found = self._secrets.get_secret_value(SecretId=asked["secret_id"])
        return {"secret_string": found["SecretString"]}

    def _create_secret(self, wanted: Arguments) -> Arguments:
        created = self._secrets.create_secret(
            Name=wanted["name"],
            Description=wanted["description"],
        )
        return {"id": created["ARN"], "arn": created["ARN"]}

    def _secret(self, state: Arguments) -> Arguments:
        found = self._secrets.describe_secret(SecretId=state["id"])
        return {"name": found["Name"], "description": found["Description"]}

    def _put_version(self, wanted: Arguments) -> Arguments:
        put = self._secrets.put_secret_value(
            SecretId=wanted["secret_id"],
            SecretString=wanted["secret_string_wo"],
            VersionStages=sorted(wanted.get("version_stages", {"AWSCURRENT"})),
        )
        return {"arn": put["ARN"], "version_id": put["VersionId"]}

    def _version(self, state: Arguments) -> Arguments | None:
        found = self._secrets.get_secret_value(
            SecretId=state["secret_id"],
            VersionId=state["version_id"],
        )
        # Secrets Manager may remove a version without labels (UpdateSecretVersionStage); it is then
        # ResourceNotFoundException (hashicorp/terraform-provider-aws, issue 37302).
        labels = found.get("VersionStages")
        return {"version_stages": {*labels}} if labels else None

    def _move_labels(self, found: Arguments, wanted: Arguments, _: set[str]) -> None:
        secret_id, version_id = found["secret_id"], found["version_id"]
        for label in wanted["version_stages"] - found["version_stages"]:
            labels = self._secrets.describe_secret(SecretId=secret_id)["VersionIdsToStages"]
            has_it = [version for version, its in labels.items() if label in its]
            self._secrets.update_secret_version_stage(
                SecretId=secret_id,
                VersionStage=label,
                MoveToVersionId=version_id,
                **{"RemoveFromVersionId": has_it[0]} if label == "AWSCURRENT" else {},
            )

    def _rotate(self, wanted: Arguments) -> Arguments:
        [rules] = wanted["rotation_rules"]
        self._secrets.rotate_secret(
            SecretId=wanted["secret_id"],
            RotationLambdaARN=wanted["rotation_lambda_arn"],
            RotateImmediately=wanted.get("rotate_immediately", True),
            RotationRules={
                "ScheduleExpression": rules["schedule_expression"],
                "Duration": rules["duration"],
            },
        )
        return {}

    def _rotation(self, state: Arguments) -> Arguments:
        found = self._secrets.describe_secret(SecretId=state["secret_id"])
        rules = found["RotationRules"]
        return {
            "rotation_lambda_arn": found["RotationLambdaARN"],
            "rotation_rules": [
                {
                    "schedule_expression": rules["ScheduleExpression"],
                    "duration": rules["Duration"],
                },
            ],
        }

    def _create_user(self, wanted: Arguments) -> Arguments:
        self._elasticache.create_user(
            UserId=wanted["user_id"],
            UserName=wanted["user_name"],
            Engine=wanted["engine"],
            AccessString=wanted["access_string"],
            NoPasswordRequired=False,
            Passwords=[wanted["passwords_wo"]],
            Tags=[{"Key": key, "Value": value} for key, value in wanted["tags"].items()],
        )
        return self._user(wanted["user_id"])

    def _user(self, user_id: str) -> Arguments:
        """As soon as it is active."""

        def active() -> dict[str, Any] | None:
            [user] = self._elasticache.describe_users(UserId=user_id)["Users"]
            return dict(user) if user["Status"] == "active" else None

        user = eventually(active, f"user {user_id} is active")
        tags = self._elasticache.list_tags_for_resource(ResourceName=user["ARN"])["TagList"]
        return {
            "arn": user["ARN"],
            "access_string": user["AccessString"],
            "engine": user["Engine"],
            "tags": {tag["Key"]: tag["Value"] for tag in tags},
        }

    def _modify_user(self, found: Arguments, wanted: Arguments, changed: set[str]) -> None:
        if "tags" in changed:
            added = [{"Key": key, "Value": value} for key, value in wanted["tags"].items()]
            self._elasticache.add_tags_to_resource(ResourceName=found["arn"], Tags=added)
            if removed := sorted(found["tags"].keys() - wanted["tags"].keys()):
                self._elasticache.remove_tags_from_resource(
                    ResourceName=found["arn"], TagKeys=removed
                )
        request: dict[str, Any] = {}
        if "access_string" in changed:
            request["AccessString"] = wanted["access_string"]
        if "passwords_wo_version" in changed:
            request["Passwords"] = [wanted["passwords_wo"]]
        if request:
            self._elasticache.modify_user(UserId=wanted["user_id"], **request)
            self._user(wanted["user_id"])

    def _create_group(self, wanted: Arguments) -> Arguments:
        self._elasticache.create_user_group(
            UserGroupId=wanted["user_group_id"],
            Engine=wanted["engine"],
            UserIds=sorted(wanted["user_ids"]),
        )
        return {}

    def _group(self, group_id: str) -> Arguments:
        [group] = self._elasticache.describe_user_groups(UserGroupId=group_id)["UserGroups"]
        return {"engine": group["Engine"], "user_ids": {*group["UserIds"]}}
