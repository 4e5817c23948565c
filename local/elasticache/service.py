"""The service, and its requests by HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar

from moto.core.common_types import TYPE_RESPONSE
from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import camelcase_to_underscores

from local.elasticache.caches import Caches
from local.elasticache.groups import UserGroups
from local.elasticache.inventory import ElastiCacheError, Inventory, Shape, User
from local.elasticache.requests import check_parameters
from local.elasticache.tags import Tags
from local.elasticache.users import Users
from local.nodes import Fleet


class ElastiCache:
    """The service: an operation takes its request's shape and returns its answer's."""

    def __init__(
        self, fleet: Fleet, modifying_seconds: float, after: Callable[..., None] | None = None
    ) -> None:
        """`after` does some work so many seconds later; by default, a thread of its own does."""
        self._serve(Inventory(fleet, modifying_seconds, after))
        fleet.faults.occupy = self._parts[0].occupy

    def _serve(self, inventory: Inventory) -> None:
        self.inventory, self._tags = inventory, Tags(inventory)
        self._parts = (
            Users(inventory, self._tags),
            UserGroups(inventory, self._tags),
            Caches(inventory, self._tags),
            self._tags,
        )

    @property
    def users(self) -> dict[str, User]:
        """All users, by id."""
        return self.inventory.users

    def call(self, operation: str, request: Shape) -> Shape:
        """Performs the named operation; raises ElastiCacheError."""
        check_parameters(operation, request)
        name = camelcase_to_underscores(operation)
        [method] = [getattr(part, name) for part in self._parts if hasattr(part, name)]
        with self.inventory.lock:
            answer: Shape = method(request)
            return answer

    def seen_by_iam(self, arn: str) -> dict[str, str]:
        """The tags of an ARN, for conditions on aws:ResourceTag."""
        with self.inventory.lock:
            return self._tags.seen_by_iam(arn)

    def tagged(self) -> Iterator[tuple[str, dict[str, str]]]:
        """All ARNs that have tags, with these."""
        with self.inventory.lock:
            yield from list(self._tags.tagged())

    def frozen(self) -> ElastiCache:
        """The service as it is now, for ever; only to be read."""
        other = object.__new__(ElastiCache)
        with self.inventory.lock:
            other._serve(self.inventory.frozen())
        return other


class ElastiCacheResponse(BaseResponse):
    """Between HTTP and the service: moto parses requests and writes answers by botocore's model."""

    service: ClassVar[ElastiCache]

    def __init__(self) -> None:
        super().__init__(service_name="elasticache")
        self.automated_parameter_parsing = True

    def call_action(self) -> TYPE_RESPONSE:
        """Answers one request."""
        try:
            result: object = self.service.call(self._get_action(), dict(self.params))
        except ElastiCacheError as error:
            result = error
        return self.serialized(ActionResult(result))
