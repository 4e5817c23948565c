"""The endpoints that a run logs in to, and the caches that it leaves out."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rotation.errors import (
    CurrentPasswordUnknownError,
    EndpointUnreachableError,
    NoEndpointError,
)
from rotation.records.endpoint import Endpoint
from rotation.records.failure import Failure
from rotation.records.target import Target


@dataclass(frozen=True)
class Network:
    """``not_tested`` are the user's caches that the parameter CachesNotTested names, by id."""

    endpoints: list[Endpoint]
    not_tested: list[str]

    @classmethod
    def of(cls, endpoints: Iterable[Endpoint], not_tested: Collection[str]) -> "Network":
        """Sort a user's endpoints; ``not_tested`` are cache IDs in lower case, as AWS's are."""
        tested, left_out = [], set()
        for endpoint in endpoints:
            if endpoint.cache in not_tested:
                left_out.add(endpoint.cache)
            else:
                tested.append(endpoint)
        return cls(tested, sorted(left_out))

    def check(self, target: Target, *, require_endpoints: bool) -> None:
        """Refuse a user for which no login can be tested, if one is needed.

        Raises:
            NoEndpointError: there is no endpoint, and ``require_endpoints``.
            CurrentPasswordUnknownError: only a login could show which password clients use.
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
                "the passwords of its earlier versions cannot be tried, because all caches of the "
                "user are in CachesNotTested. Put the current password into the secret as "
                '"password".'
            )

    def check_changed(self, earlier: Mapping[str, Any]) -> None:
        """After a node did not answer: it may be gone, so the endpoints have to be others now.

        Args:
            earlier: the state's ``Network``, in which ``Unreachable`` is what the Catch handed on.

        Raises:
            EndpointUnreachableError: the endpoints are the same.
        """
        if "Unreachable" in earlier and earlier["Endpoints"] == self.to_state()["Endpoints"]:
            sentence = Failure.from_catch(earlier["Unreachable"]).sentence
            raise EndpointUnreachableError(sentence, reported=True)

    def to_state(self) -> dict[str, Any]:
        """As JSON of the execution's state."""
        return {
            "Endpoints": [endpoint.to_state() for endpoint in self.endpoints],
            "Count": len(self.endpoints),
            "NotTested": self.not_tested,
        }
