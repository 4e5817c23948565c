"""The endpoints that a run logs in to, and the caches that it leaves out."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from rotation.errors import CurrentPasswordUnknownError, NoEndpointError
from rotation.records.endpoint import Endpoint
from rotation.records.target import Target


@dataclass(frozen=True)
class Network:
    """``not_tested`` are the user's caches that the parameter CachesNotTested names, by id."""

    endpoints: list[Endpoint]
    not_tested: list[str]

    @classmethod
    def of(cls, found: Iterable[Endpoint], left_out: Collection[str]) -> "Network":
        """Of all endpoints of a user's caches; ``left_out`` are ids in lower case, as AWS's are."""
        found = list(found)
        not_tested = {each.cache for each in found if each.cache in left_out}
        return cls([each for each in found if each.cache not in left_out], sorted(not_tested))

    def check(self, target: Target, *, require_endpoints: bool) -> None:
        """Refuse a user that nothing can be proven of.

        Raises:
            NoEndpointError: there is no endpoint, and ``require_endpoints`` asks for one.
            CurrentPasswordUnknownError: nothing tells which password clients use.
        """
        if self.endpoints:
            return
        if require_endpoints:
            raise NoEndpointError(
                f"User {target.user_id} has no cache that this stack can log in to, and the stack "
                "requires one. Put the user into a user group of a cache, or deploy with "
                "RequireEndpoints=false."
            )
        if self.not_tested and target.first_password_candidates:
            raise CurrentPasswordUnknownError(
                f"User {target.user_id} is on, secret {target.secret_arn} holds no password, and "
                "those of its earlier versions cannot be tried: all of the user's caches are in "
                'CachesNotTested. Put the present password into the secret as "password".'
            )

    def to_state(self) -> dict[str, Any]:
        """As JSON of the execution's state."""
        return {
            "Endpoints": [each.to_state() for each in self.endpoints],
            "Count": len(self.endpoints),
            "NotTested": self.not_tested,
        }
