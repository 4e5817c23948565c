"""Tags of users, user groups and caches."""

from __future__ import annotations

from collections.abc import Iterator

from local.elasticache.inventory import ARN_PREFIX, ElastiCacheError, Inventory, Shape, User

_NOT_FOUND = {
    "replicationgroup": "ReplicationGroupNotFoundFault",
    "serverlesscache": "ServerlessCacheNotFoundFault",
}


class Tags:
    """The operations on tags."""

    def __init__(self, inventory: Inventory) -> None:
        self._all = inventory

    def list_tags_for_resource(self, request: Shape) -> Shape:
        """ListTagsForResource."""
        return self._listed(self._readable(request["ResourceName"]))

    def add_tags_to_resource(self, request: Shape) -> Shape:
        """AddTagsToResource."""
        arn = self._readable(request["ResourceName"])
        self.write(arn, request)
        return self._listed(arn)

    def remove_tags_from_resource(self, request: Shape) -> Shape:
        """RemoveTagsFromResource: all of the named tags, or none."""
        arn = self._readable(request["ResourceName"])
        tags = self._all.tags.get(arn, {})
        for key in request["TagKeys"]:
            if key not in tags:
                raise ElastiCacheError("TagNotFound", f"Tag {key} not found.")
        for key in request["TagKeys"]:
            tags.pop(key, None)
        self.write(arn, {})
        return self._listed(arn)

    def seen_by_iam(self, arn: str) -> dict[str, str]:
        """What a condition on aws:ResourceTag sees; by a fault, nothing while tag calls fail."""
        user = self._user(arn)
        if user and not self._is_readable(user) and self._all.faults.hides_tags():
            return {}
        return dict(self._all.tags.get(arn, {}))

    def tagged(self) -> Iterator[tuple[str, dict[str, str]]]:
        """All that has tags, as the Resource Groups Tagging API finds it: in transition, too."""
        for arn, tags in self._all.tags.items():
            if tags:
                yield arn, dict(tags)

    def write(self, arn: str, request: Shape) -> None:
        """Adds the request's tags; by a fault, a user's cannot be read for a while then."""
        tags = {tag["Key"]: tag.get("Value", "") for tag in request.get("Tags", [])}
        self._all.tags.setdefault(arn, {}).update(tags)
        if ":user:" in arn and (seconds := self._all.faults.tags_seconds()):
            self._all.unreadable[arn] = self._all.faults.now() + seconds

    def forget(self, arn: str) -> None:
        """For what is deleted."""
        self._all.tags.pop(arn, None)
        self._all.unreadable.pop(arn, None)

    def _listed(self, arn: str) -> Shape:
        tags = self._all.tags.get(arn, {})
        return {"TagList": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _is_readable(self, user: User) -> bool:
        """Tag calls on a user fail while it is in transition.

        https://github.com/hashicorp/terraform-provider-aws/issues/34002, and 47638
        """
        written = self._all.unreadable.get(user.arn, 0.0)
        return self._all.status(user) == "active" and self._all.faults.now() >= written

    def _user(self, arn: str) -> User | None:
        _, is_user, user_id = arn.partition(f"{ARN_PREFIX}:user:")
        return self._all.users.get(user_id.lower()) if is_user else None

    def _readable(self, arn: str) -> str:
        """The ARN, when it names something whose tags can be read; raises ElastiCacheError."""
        prefix, _, rest = arn.partition(f"{ARN_PREFIX}:")
        kind, _, name = rest.partition(":")
        if prefix or not name or kind not in ("user", "usergroup", *_NOT_FOUND):
            raise ElastiCacheError("InvalidARN", f"ARN {arn} is invalid.")
        if kind == "user":
            user = self._all.user(name)
            if not self._is_readable(user):
                raise ElastiCacheError(
                    "UserNotFound", f"{user.user_id} is not available for tagging"
                )
        elif kind == "usergroup":
            self._all.group(name)
        elif arn not in self._all.caches:
            raise ElastiCacheError(_NOT_FOUND[kind], f"{name} not found.")
        return arn
