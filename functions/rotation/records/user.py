"""An ElastiCache user."""

from dataclasses import dataclass

#: The tag of a user that names its secret, by name or ARN.
BINDING_TAG = "rotation-secret"


@dataclass(frozen=True)
class User:
    """A user, as DescribeUsers shows it.

    ``status`` is creating, active, modifying or deleting; ``authentication`` is password,
    no-password or iam (ElastiCache API reference, ``User`` and ``Authentication``).
    """

    arn: str
    name: str
    status: str
    access_string: str
    authentication: str
    password_count: int
    group_ids: tuple[str, ...]

    @property
    def user_id(self) -> str:
        """The user's ID."""
        return user_id_in(self.arn)

    @property
    def enabled(self) -> bool:
        """Whether the access string, whose rules may be in any case, turns the user on."""
        switches = ("on", "off", "reset")  # `reset` turns it off, too (Valkey, src/acl.c)
        rules = [rule for rule in self.access_string.lower().split() if rule in switches]
        return rules[-1:] == ["on"]

    @property
    def enabled_access_string(self) -> str:
        """The same access string, turned on."""
        rules = [rule for rule in self.access_string.split() if rule.lower() not in ("on", "off")]
        resets = [place for place, rule in enumerate(rules, 1) if rule.lower() == "reset"]
        rules.insert(max(resets, default=0), "on")
        return " ".join(rules)


def user_id_in(user_arn: str) -> str:
    """The user's ID, which ends its ARN; ElastiCache keeps IDs in lower case."""
    return user_arn.rsplit(":", 1)[-1].lower()
