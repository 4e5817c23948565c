"""The service, and its requests by HTTP."""

from collections.abc import Callable
from typing import ClassVar

from moto.core.common_types import TYPE_RESPONSE
from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import camelcase_to_underscores

from local.elasticache.caches import Caches
from local.elasticache.groups import UserGroups
from local.elasticache.inventory import ElastiCacheError, Shape
from local.elasticache.requests import check_parameters
from local.elasticache.users import Users
from local.nodes import Fleet


class ElastiCache(Users, UserGroups, Caches):
    """The service: an operation takes its request's shape and returns its answer's."""

    def __init__(
        self, fleet: Fleet, modifying_seconds: float, after: Callable[..., None] | None = None
    ) -> None:
        super().__init__(fleet, modifying_seconds, after)
        fleet.faults.occupy = self.occupy

    def call(self, operation: str, request: Shape) -> Shape:
        """Performs the named operation; raises ElastiCacheError."""
        check_parameters(operation, request)
        with self.lock:
            answer: Shape = getattr(self, camelcase_to_underscores(operation))(request)
            return answer


class ElastiCacheResponse(BaseResponse):
    """Between HTTP and the service: moto parses requests and writes answers by botocore's model."""

    service: ClassVar[ElastiCache]

    def __init__(self) -> None:
        super().__init__(service_name="elasticache")
        self.automated_parameter_parsing = True

    def call_action(self) -> TYPE_RESPONSE:
        try:
            result: object = self.service.call(self._get_action(), dict(self.params))
        except ElastiCacheError as error:
            result = error
        return self.serialized(ActionResult(result))
