"""Tags of users, user groups and caches."""

from local.elasticache.inventory import ARN_PREFIX, ElastiCacheError, Inventory, Shape, User

_CACHES = {"replicationgroup": "ReplicationGroup", "serverlesscache": "ServerlessCache"}


class Tags(Inventory):
    """The operations on tags."""

    def list_tags_for_resource(self, request: Shape) -> Shape:
        return self._listed(self._readable(request["ResourceName"]))

    def add_tags_to_resource(self, request: Shape) -> Shape:
        arn = self._readable(request["ResourceName"])
        self.write_tags(arn, request)
        return self._listed(arn)

    def remove_tags_from_resource(self, request: Shape) -> Shape:
        """All of the named tags, or none."""
        arn = self._readable(request["ResourceName"])
        tags = self.tags.get(arn, {})
        for key in request["TagKeys"]:
            if key not in tags:
                raise ElastiCacheError("TagNotFound", f"Tag {key} not found.")
        for key in request["TagKeys"]:
            tags.pop(key, None)
        self.write_tags(arn, {})
        return self._listed(arn)

    def seen_by_iam(self, arn: str) -> dict[str, str]:
        """What a condition on aws:ResourceTag sees; by a fault, nothing while tag calls fail."""
        with self.lock:
            _, is_user, user_id = arn.partition(f"{ARN_PREFIX}:user:")
            user = self.users.get(user_id.lower()) if is_user else None
            if user and not self._is_readable(user) and self.faults.strikes("hide-tags"):
                return {}
            return dict(self.tags.get(arn, {}))

    def write_tags(self, arn: str, request: Shape) -> None:
        """Adds the request's tags; by a fault, a user's cannot be read for a while then."""
        tags = {tag["Key"]: tag.get("Value", "") for tag in request.get("Tags", [])}
        self.tags.setdefault(arn, {}).update(tags)
        if ":user:" in arn and (seconds := self.faults.seconds("lag-tags")):
            self.unreadable[arn] = self.faults.now() + seconds

    def forget_tags(self, arn: str) -> None:
        """For a resource that is deleted."""
        self.tags.pop(arn, None)
        self.unreadable.pop(arn, None)

    def _listed(self, arn: str) -> Shape:
        tags = self.tags.get(arn, {})
        return {"TagList": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _is_readable(self, user: User) -> bool:
        """Tag calls on a user fail while it is in transition.

        https://github.com/hashicorp/terraform-provider-aws/issues/34002, and 47638
        """
        written = self.unreadable.get(user.arn, 0.0)
        return self.status(user) == "active" and self.faults.now() >= written

    def _readable(self, arn: str) -> str:
        """The ARN, when it names something whose tags can be read; raises ElastiCacheError."""
        prefix, _, rest = arn.partition(f"{ARN_PREFIX}:")
        kind, _, name = rest.partition(":")
        if prefix or not name or kind not in ("user", "usergroup", *_CACHES):
            raise ElastiCacheError("InvalidARN", f"ARN {arn} is invalid.")
        if kind == "user" and not self._is_readable(self.user(name)):
            raise ElastiCacheError("UserNotFound", f"{name} is not available for tagging")
        if kind == "usergroup":
            self.group(name)
        if kind in _CACHES:
            self.cache(_CACHES[kind], name)
        return arn
