"""What is rotated, as it travels between the states."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from rotation.records.user import user_id_in


@dataclass(frozen=True)
class Target:
    """A secret and its user, as Check Target saw them.

    Args:
        version_id: the version that this run makes.
        pending_version_at_check: the version that had AWSPENDING, or empty.
        authentication: the user's type, ``password`` or ``no-password``.
        turn_on: whether the user is off until this first rotation.
        first_rotation: whether the secret holds no password yet.
        changed_values: how many of the secret's values the new password changes.
        first_password_candidates: versions. The password of one of them has to log in, because the
            user is on and AWSCURRENT holds no password: an earlier first rotation did not end.
    """

    secret_arn: str
    version_id: str
    current_version_id: str
    pending_version_at_check: str
    user_arn: str
    username: str
    authentication: str
    turn_on: bool
    dry_run: bool
    first_rotation: bool = False
    replace_unknown_password: bool = False
    changed_values: int = 1
    first_password_candidates: list[str] = field(default_factory=list)

    @property
    def user_id(self) -> str:
        """The user's ID."""
        return user_id_in(self.user_arn)

    def to_state(self) -> dict[str, Any]:
        """As JSON of the execution's state, with keys in PascalCase, and the ``UserId``."""
        fields_and_id = asdict(self) | {"user_id": self.user_id}
        return {_pascal(name): value for name, value in fields_and_id.items()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Target":
        """The inverse of ``to_state``.

        An execution keeps its state when the stack is updated. What a later release added is left
        out, and what an earlier one did not have gets its default.
        """
        if "UserArn" not in state:
            _, partition, _, region, account, *_ = state["SecretArn"].split(":")
            user_arn = f"arn:{partition}:elasticache:{region}:{account}:user:{state['UserId']}"
            state = {**state, "UserArn": user_arn}
        keys = {target_field.name: _pascal(target_field.name) for target_field in fields(cls)}
        return cls(**{name: state[key] for name, key in keys.items() if key in state})


def _pascal(name: str) -> str:
    return name.title().replace("_", "")
