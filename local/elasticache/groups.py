"""User groups."""

from __future__ import annotations

from local.elasticache.inventory import (
    ElastiCacheError,
    Inventory,
    Shape,
    UserGroup,
    combination,
    invalid,
)
from local.elasticache.requests import engine_of, identifier, page
from local.elasticache.tags import Tags


class UserGroups:
    """The operations on user groups."""

    def __init__(self, inventory: Inventory, tags: Tags) -> None:
        self._all = inventory
        self._tags = tags

    def create_user_group(self, request: Shape) -> Shape:
        """CreateUserGroup; the group is active at once."""
        group_id = identifier(request["UserGroupId"])
        if group_id in self._all.groups:
            raise ElastiCacheError("UserGroupAlreadyExists", f"User group {group_id} exists.")
        user_ids = [user_id.lower() for user_id in request.get("UserIds", [])]
        group = UserGroup(group_id, engine_of(request["Engine"]), user_ids)
        self._check(group)
        self._all.groups[group_id] = group
        self._tags.write(group.arn, request)
        return self._shape(group)

    def modify_user_group(self, request: Shape) -> Shape:
        """ModifyUserGroup: in effect after a while, in which all its users are modifying."""
        group = self._changeable(request["UserGroupId"])
        joining = [user_id.lower() for user_id in request.get("UserIdsToAdd", [])]
        leaving = [user_id.lower() for user_id in request.get("UserIdsToRemove", [])]
        if not joining and not leaving and "Engine" not in request:
            raise combination("Name users to add or to remove.")
        if strangers := [user_id for user_id in leaving if user_id not in group.user_ids]:
            raise invalid(f"{', '.join(strangers)} is not a member of user group {group.group_id}.")
        if members := [user_id for user_id in joining if user_id in group.user_ids]:
            raise invalid(f"Users {members} are in user group {group.group_id} already.")
        kept = [user_id for user_id in group.user_ids if user_id not in leaving]
        engine = engine_of(request.get("Engine") or group.engine)
        self._check(UserGroup(group.group_id, engine, kept + joining))
        group.engine, group.status = engine, "modifying"
        group.joining, group.leaving = joining, leaving
        self._all.change(self._finish, group)
        return self._shape(group)

    def describe_user_groups(self, request: Shape) -> Shape:
        """DescribeUserGroups."""
        group_id = request.get("UserGroupId")
        groups = [self._all.group(group_id)] if group_id else list(self._all.groups.values())
        return page("UserGroups", [self._shape(group) for group in groups], request)

    def delete_user_group(self, request: Shape) -> Shape:
        """DeleteUserGroup, of a group that no cache uses; it is gone at once."""
        group = self._changeable(request["UserGroupId"])
        if any(group.group_id in cache.group_ids for cache in self._all.caches.values()):
            raise ElastiCacheError(
                "InvalidUserGroupState", f"User group {group.group_id} is used by a cache."
            )
        shape = self._shape(group) | {"Status": "deleting"}
        del self._all.groups[group.group_id]
        self._tags.forget(group.arn)
        return shape

    def _finish(self, group: UserGroup) -> None:
        # A user that was deleted meanwhile is in no group any more.
        joining = [self._all.users[each] for each in group.joining if each in self._all.users]
        leaving = [self._all.users[each] for each in group.leaving if each in group.user_ids]
        for user in leaving:
            group.user_ids.remove(user.user_id)
        group.user_ids += [user.user_id for user in joining]
        for node in self._all.nodes([group.group_id]):
            for user in leaving:
                node.delete_user(user.name)
            for user in joining:
                self._all.apply(user, node)
        group.status, group.joining, group.leaving = "active", [], []

    def _changeable(self, group_id: str) -> UserGroup:
        group = self._all.group(group_id)
        if group.status != "active":
            raise ElastiCacheError(
                "InvalidUserGroupState",
                f"User group {group.group_id} has status {group.status}. "
                "Only active user groups can be modified.",
            )
        return group

    def _check(self, group: UserGroup) -> None:
        """Raises ElastiCacheError for what no user group of its engine may be."""
        users = [self._all.user(user_id) for user_id in group.user_ids]
        names = [user.name for user in users]
        if len(names) != len(set(names)):
            raise ElastiCacheError(
                "DuplicateUserName", "Two users of one user group cannot have the same name."
            )
        if group.engine == "redis":
            # [RBAC]: only groups of engine valkey can do without a user named default.
            if "default" not in names:
                raise ElastiCacheError(
                    "DefaultUserRequired",
                    "User group needs to contain a user with the user name default.",
                )
            if any(user.engine == "valkey" for user in users):
                raise invalid("Users of engine valkey join only user groups of engine valkey.")
        elif any(user.authentication == "no-password" for user in users):
            raise invalid("Users without a password cannot join user groups of engine valkey.")

    def _shape(self, group: UserGroup) -> Shape:
        caches = [cache for cache in self._all.caches.values() if group.group_id in cache.group_ids]
        shape: Shape = {
            "UserGroupId": group.group_id,
            "Status": group.status,
            "Engine": group.engine,
            "UserIds": list(group.user_ids),
            "MinimumEngineVersion": "7.2" if group.engine == "valkey" else "6.0",
            "ReplicationGroups": [c.name for c in caches if c.kind == "replicationgroup"],
            "ServerlessCaches": [c.name for c in caches if c.kind == "serverlesscache"],
            "ARN": group.arn,
        }
        if group.status == "modifying":
            pending = {"UserIdsToAdd": group.joining, "UserIdsToRemove": group.leaving}
            shape["PendingChanges"] = {key: value for key, value in pending.items() if value}
        return shape
