"""What is rotated, as it travels between the states."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class Target:
    """A secret and its user, checked: ids, and the user's state before.

    ``version_id`` is the version that this run makes, and ``pending_version_at_check`` the one that
    had AWSPENDING when it was checked, or empty.
    ``first_password_candidates`` are the versions one of whose passwords has to log in, if the
    secret holds no password although the user is on: an earlier first rotation was cut off.
    ``first_rotation`` is whether the secret holds no password yet, and ``changed_values`` how many
    of its values the new one changes.
    """

    secret_arn: str
    version_id: str
    current_version_id: str
    pending_version_at_check: str
    user_id: str
    username: str
    authentication: str
    turn_on: bool
    dry_run: bool
    first_rotation: bool = False
    replace_unknown_password: bool = False
    changed_values: int = 1
    first_password_candidates: list[str] = field(default_factory=list)

    def to_state(self) -> dict[str, Any]:
        """As JSON of the execution's state, with keys in PascalCase."""
        return {_pascal(name): value for name, value in asdict(self).items()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Target":
        """The inverse of ``to_state``.

        An execution goes on with the state that it has when the stack is updated: what another
        release has added is left out, and what it had not yet has its default.
        """
        found = {each.name: _pascal(each.name) for each in fields(cls)}
        return cls(**{name: state[key] for name, key in found.items() if key in state})


def _pascal(name: str) -> str:
    return name.title().replace("_", "")
