"""User groups."""

from local.elasticache.inventory import ElastiCacheError, Shape, UserGroup, combination, invalid
from local.elasticache.requests import engine_of, identifier, ids, page
from local.elasticache.tags import Tags


class UserGroups(Tags):
    """The operations on user groups."""

    def create_user_group(self, request: Shape) -> Shape:
        """The group is active at once."""
        group_id = identifier(request["UserGroupId"])
        if group_id in self.groups:
            raise ElastiCacheError("UserGroupAlreadyExists", f"User group {group_id} exists.")
        group = UserGroup(group_id, engine_of(request["Engine"]), ids(request, "UserIds"))
        self._check_group(group)
        self.groups[group_id] = group
        self.write_tags(group.arn, request)
        return self._group_shape(group)

    def modify_user_group(self, request: Shape) -> Shape:
        """In effect after a while, in which all its users are modifying."""
        group = self._changeable_group(request["UserGroupId"])
        joining, leaving = ids(request, "UserIdsToAdd"), ids(request, "UserIdsToRemove")
        if not joining and not leaving and "Engine" not in request:
            raise combination("Name users to add or to remove.")
        if others := [user_id for user_id in leaving if user_id not in group.user_ids]:
            raise invalid(f"{', '.join(others)} is not a member of user group {group.group_id}.")
        if members := [user_id for user_id in joining if user_id in group.user_ids]:
            raise invalid(f"Users {members} are in user group {group.group_id} already.")
        kept = [user_id for user_id in group.user_ids if user_id not in leaving]
        engine = engine_of(request.get("Engine") or group.engine)
        self._check_group(UserGroup(group.group_id, engine, kept + joining))
        group.engine, group.status = engine, "modifying"
        group.joining, group.leaving = joining, leaving
        self.change(self._finish_group, group)
        return self._group_shape(group)

    def describe_user_groups(self, request: Shape) -> Shape:
        group_id = request.get("UserGroupId")
        groups = [self.group(group_id)] if group_id else self.groups.values()
        return page("UserGroups", [self._group_shape(group) for group in groups], request)

    def delete_user_group(self, request: Shape) -> Shape:
        """A group that no cache uses is gone at once."""
        group = self._changeable_group(request["UserGroupId"])
        if any(group.group_id in cache.group_ids for cache in self.caches.values()):
            raise ElastiCacheError(
                "InvalidUserGroupState", f"User group {group.group_id} is used by a cache."
            )
        del self.groups[group.group_id]
        self.forget_tags(group.arn)
        return self._group_shape(group) | {"Status": "deleting"}

    def _finish_group(self, group: UserGroup) -> None:
        # A user that was deleted meanwhile is in no group any more.
        joining = [self.users[each] for each in group.joining if each in self.users]
        leaving = [self.users[each] for each in group.leaving if each in group.user_ids]
        for user in leaving:
            group.user_ids.remove(user.user_id)
        group.user_ids += [user.user_id for user in joining]
        for node in self.nodes([group.group_id]):
            for user in leaving:
                node.delete_user(user.name)
            for user in joining:
                self.apply(user, node)
        group.status, group.joining, group.leaving = "active", [], []

    def _changeable_group(self, group_id: str) -> UserGroup:
        group = self.group(group_id)
        if group.status != "active":
            raise ElastiCacheError(
                "InvalidUserGroupState",
                f"User group {group.group_id} has status {group.status}. "
                "Only active user groups can be modified.",
            )
        return group

    def _check_group(self, group: UserGroup) -> None:
        """Raises ElastiCacheError for what no user group of its engine may be."""
        users = [self.user(user_id) for user_id in group.user_ids]
        names = [user.name for user in users]
        if len(names) != len(set(names)):
            text = "Two users of one user group cannot have the same name."
            raise ElastiCacheError("DuplicateUserName", text)
        if group.engine == "redis" and "default" not in names:
            # [RBAC]: only groups of engine valkey can do without a user named default.
            text = "User group needs to contain a user with the user name default."
            raise ElastiCacheError("DefaultUserRequired", text)
        if group.engine == "redis" and any(user.engine == "valkey" for user in users):
            raise invalid("Users of engine valkey join only user groups of engine valkey.")
        if group.engine == "valkey" and any(user.authentication == "no-password" for user in users):
            raise invalid("Users without a password cannot join user groups of engine valkey.")

    def _group_shape(self, group: UserGroup) -> Shape:
        caches = [cache for cache in self.caches.values() if group.group_id in cache.group_ids]
        shape: Shape = {
            "UserGroupId": group.group_id,
            "Status": group.status,
            "Engine": group.engine,
            "UserIds": list(group.user_ids),
            "MinimumEngineVersion": "7.2" if group.engine == "valkey" else "6.0",
            "ReplicationGroups": [c.name for c in caches if c.kind == "ReplicationGroup"],
            "ServerlessCaches": [c.name for c in caches if c.kind == "ServerlessCache"],
            "ARN": group.arn,
        }
        if group.status == "modifying":
            pending = {"UserIdsToAdd": group.joining, "UserIdsToRemove": group.leaving}
            shape["PendingChanges"] = {key: value for key, value in pending.items() if value}
        return shape
