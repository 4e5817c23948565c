"""Users."""

from __future__ import annotations

import re

from local.elasticache.inventory import (
    ElastiCacheError,
    Inventory,
    Shape,
    User,
    combination,
    invalid,
)
from local.elasticache.requests import (
    authentication_of,
    engine_of,
    identifier,
    normalised,
    page,
)
from local.elasticache.tags import Tags
from local.nodes import Node, RejectedRulesError

# Rules that would bring a password into an access string, where none is allowed.
_PASSWORD_RULE = re.compile(r"[><#!].*|nopass|resetpass|reset", re.IGNORECASE)


class Users:
    """The operations on users."""

    def __init__(self, inventory: Inventory, tags: Tags) -> None:
        self._all = inventory
        self._tags = tags

    def create_user(self, request: Shape) -> Shape:
        """CreateUser; the user is active at once."""
        user_id = identifier(request["UserId"])
        if user_id in self._all.users:
            raise ElastiCacheError("UserAlreadyExists", f"User {user_id} already exists.")
        authentication = authentication_of(request)
        if authentication is None:
            raise invalid(
                "No password was provided. If you want to create/update the user without "
                "password, please use the NoPasswordRequired flag."
            )
        user = User(
            user_id,
            request["UserName"],
            engine_of(request["Engine"]),
            normalised(request["AccessString"]),
            *authentication,
        )
        self._check(user)
        self._all.users[user_id] = user
        self._tags.write(user.arn, request)
        return self._shape(user)

    def modify_user(self, request: Shape) -> Shape:
        """ModifyUser: AccessString and the passwords are replaced as wholes, after a while."""
        user = self._changeable(request["UserId"])
        access_string, appended = request.get("AccessString"), request.get("AppendAccessString")
        if access_string and appended:
            raise combination("Use only one of AccessString and AppendAccessString.")
        authentication = authentication_of(request)
        changed = User(
            user.user_id,
            user.name,
            engine_of(request.get("Engine") or user.engine),
            normalised(access_string or f"{user.access_string} {appended or ''}"),
            *(authentication or (user.authentication, user.hashes)),
            status="modifying",
        )
        self._check(changed)
        self._require_quiet_groups(user)
        self._all.users[user.user_id] = changed
        self._all.change(self._finish, changed)
        return self._shape(changed)

    def describe_users(self, request: Shape) -> Shape:
        """DescribeUsers, by UserId or Engine; of a user in transition as of any other."""
        if user_id := request.get("UserId"):
            users = [self._all.user(user_id)]
        else:
            engine = request.get("Engine")
            users = [
                user
                for user in self._all.users.values()
                if not engine or user.engine == engine_of(engine)
            ]
        return page("Users", [self._shape(user) for user in users], request)

    def delete_user(self, request: Shape) -> Shape:
        """DeleteUser: like a modification, it takes a while."""
        user = self._changeable(request["UserId"])
        if user.name == "default" and self._all.group_ids(user):
            raise ElastiCacheError(
                "DefaultUserAssociatedToUserGroup",
                "The default user assigned to a user group cannot be deleted.",
            )
        user.status = "deleting"
        self._all.change(self._finish, user)
        return self._shape(user)

    def occupy(self, user_id: str, seconds: float) -> None:
        """Modifies an active user for so long, and changes nothing."""
        with self._all.lock:
            user = self._all.users.get(user_id)
            if user and user.status == "active":
                user.status = "modifying"
                self._all.after(seconds, self._finish_locked, user)

    def _finish_locked(self, user: User) -> None:
        with self._all.lock:
            self._finish(user)

    def _finish(self, user: User) -> None:
        group_ids = self._all.group_ids(user)
        nodes = self._all.nodes(group_ids)
        if user.status == "deleting":
            for group_id in group_ids:
                self._all.groups[group_id].user_ids.remove(user.user_id)
            for node in nodes:
                node.delete_user(user.name)
            del self._all.users[user.user_id]
            self._tags.forget(user.arn)
            return
        for node in nodes:
            if lag := self._all.faults.lag_seconds(node.position):
                self._all.after(lag, self._apply_late, user, node)
            else:
                self._all.apply(user, node)
        user.status = "active"

    def _apply_late(self, user: User, node: Node) -> None:
        with self._all.lock:
            now = self._all.users.get(user.user_id)
            # Not over a later modification, which may have been applied without a lag.
            if now and (now is user or now.status == "modifying"):
                self._all.apply(user, node)

    def _check(self, user: User) -> None:
        """Raises ElastiCacheError for what no user of its engine may be."""
        if user.engine == "valkey" and user.authentication == "no-password":
            raise invalid("Users of engine valkey must have a password or use IAM.")
        rules = user.access_string.split()
        if any(_PASSWORD_RULE.fullmatch(rule) for rule in rules):
            raise invalid("An access string cannot hold a password or reset the user.")
        try:
            self._all.fleet.check_rules(rules)
        except RejectedRulesError as error:
            raise invalid(f"Invalid access string: {error}") from None

    def _changeable(self, user_id: str) -> User:
        user = self._all.user(user_id)
        if user.user_id == "default":
            raise invalid("The user default belongs to AWS and cannot be changed.")
        if (status := self._all.status(user)) != "active":
            raise ElastiCacheError(
                "InvalidUserState",
                f"User {user.user_id} has status {status}. Only active users can be modified.",
            )
        return user

    def _require_quiet_groups(self, user: User) -> None:
        """Raises ElastiCacheError while another user of its groups is modified, by a fault."""
        peers = {
            peer
            for group_id in self._all.group_ids(user)
            for peer in self._all.groups[group_id].user_ids
            if self._all.users[peer].status != "active"
        }
        if peers and self._all.faults.one_at_a_time():
            raise ElastiCacheError(
                "InvalidUserState",
                f"User {min(peers)} of a user group of {user.user_id} is being modified.",
            )

    def _shape(self, user: User) -> Shape:
        authentication: Shape = {"Type": user.authentication}
        if user.authentication == "password":
            authentication["PasswordCount"] = len(user.hashes)
        return {
            "UserId": user.user_id,
            "UserName": user.name,
            "Status": self._all.status(user),
            "Engine": user.engine,
            "MinimumEngineVersion": "7.2" if user.engine == "valkey" else "6.0",
            "AccessString": user.access_string,
            "UserGroupIds": self._all.group_ids(user),
            "Authentication": authentication,
            "ARN": user.arn,
        }
