"""The Resource Groups Tagging API: ministack's, with the tags of this ElastiCache.

https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from ministack.services import tagging

from local.faults import Answer

_RESOURCES_PER_PAGE = 50

Tagged = Iterable[tuple[str, dict[str, str]]]


class Tagging:
    """Answers GetResources, GetTagKeys and GetTagValues."""

    def __init__(self, elasticache: Callable[[], Tagged]) -> None:
        """`elasticache` lists ARNs with their tags."""

        def collect() -> Iterable[tuple[str, list[dict[str, str]]]]:
            for arn, tags in elasticache():
                yield arn, [{"Key": key, "Value": value} for key, value in tags.items()]

        tagging._COLLECTORS["elasticache"] = collect

    def dispatch(self, request: Any, *_: Any) -> Answer:
        """The answer to a request."""
        operation = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        asked = json.loads(request.get_data() or b"{}")
        if operation not in ("GetResources", "GetTagKeys", "GetTagValues"):
            return _invalid(f"{operation} is not part of the local AWS.")
        if operation != "GetResources":
            return _answer(tagging._HANDLERS[operation](asked))
        for name in ("TagsPerPage", "IncludeComplianceDetails", "ExcludeCompliantResources"):
            if asked.get(name):
                return _invalid(f"{name} is not part of the local AWS. Leave it out.")
        size = asked.pop("ResourcesPerPage", _RESOURCES_PER_PAGE)
        token = asked.pop("PaginationToken", "") or "0"
        if not token.isdigit() or not 1 <= size <= 100:
            return _invalid("PaginationToken or ResourcesPerPage is wrong.")
        status, headers, body = _answer(tagging._HANDLERS[operation](asked))
        if status != 200:
            return status, headers, body
        found = sorted(json.loads(body)["ResourceTagMappingList"], key=lambda it: it["ResourceARN"])
        start, end = int(token), int(token) + size
        page = {
            "ResourceTagMappingList": found[start:end],
            "PaginationToken": str(end) if end < len(found) else "",
        }
        return status, headers, json.dumps(page)


def _answer(found: Any) -> Answer:
    status, headers, body = found
    return status, dict(headers), body.decode() if isinstance(body, bytes) else body


def _invalid(text: str) -> Answer:
    body = {"__type": "InvalidParameterException", "message": text}
    return 400, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(body)
