"""Users."""

import re

from local.elasticache.inventory import ElastiCacheError, Shape, User, combination, invalid
from local.elasticache.requests import authentication_of, engine_of, identifier, normalized, page
from local.elasticache.tags import Tags
from local.nodes import Node, RejectedRulesError

# Rules that would bring a password into an access string, where none is allowed.
_PASSWORD_RULE = re.compile(r"[><#!].*|nopass|resetpass|reset", re.IGNORECASE)


class Users(Tags):
    """The operations on users."""

    def create_user(self, request: Shape) -> Shape:
        """The user is active at once."""
        user_id = identifier(request["UserId"])
        if user_id in self.users:
            raise ElastiCacheError("UserAlreadyExists", f"User {user_id} already exists.")
        authentication = authentication_of(request)
        if authentication is None:
            raise invalid(
                "No password was provided. If you want to create/update the user without "
                "password, please use the NoPasswordRequired flag."
            )
        engine, access_string = engine_of(request["Engine"]), normalized(request["AccessString"])
        user = User(user_id, request["UserName"], engine, access_string, *authentication)
        self._check_user(user)
        self.users[user_id] = user
        self.write_tags(user.arn, request)
        return self._user_shape(user)

    def modify_user(self, request: Shape) -> Shape:
        """AccessString and the passwords are replaced as wholes, after a while."""
        user = self._changeable_user(request["UserId"])
        access_string, appended = request.get("AccessString"), request.get("AppendAccessString")
        if access_string and appended:
            raise combination("Use only one of AccessString and AppendAccessString.")
        changed = User(
            user.user_id,
            user.name,
            engine_of(request.get("Engine") or user.engine),
            normalized(access_string or f"{user.access_string} {appended or ''}"),
            *(authentication_of(request) or (user.authentication, user.hashes)),
            status="modifying",
        )
        self._check_user(changed)
        self._require_quiet_groups(user)
        self.users[user.user_id] = changed
        self.change(self._finish_user, changed)
        return self._user_shape(changed)

    def describe_users(self, request: Shape) -> Shape:
        """A user in transition is shown as any other."""
        user_id = request.get("UserId")
        users = [self.user(user_id)] if user_id else self.users.values()
        return page("Users", [self._user_shape(user) for user in users], request)

    def delete_user(self, request: Shape) -> Shape:
        """Like a modification, it takes a while."""
        user = self._changeable_user(request["UserId"])
        if user.name == "default" and self.group_ids(user):
            raise ElastiCacheError(
                "DefaultUserAssociatedToUserGroup",
                "The default user assigned to a user group cannot be deleted.",
            )
        user.status = "deleting"
        self.change(self._finish_user, user)
        return self._user_shape(user)

    def occupy(self, user_id: str, seconds: float) -> None:
        """Has an active user modifying for some seconds; nothing changes."""
        with self.lock:
            user = self.users.get(user_id)
            if user and user.status == "active":
                user.status = "modifying"
                self.later(seconds, self._finish_user, user)

    def _finish_user(self, user: User) -> None:
        group_ids = self.group_ids(user)
        nodes = self.nodes(group_ids)
        if user.status == "deleting":
            for group_id in group_ids:
                self.groups[group_id].user_ids.remove(user.user_id)
            for node in nodes:
                node.delete_user(user.name)
            del self.users[user.user_id]
            self.forget_tags(user.arn)
            return
        for node in nodes:
            if lag := self.faults.seconds("lag-password", node=node.position):
                self.later(lag, self._apply_late, user, node)
            else:
                self.apply(user, node)
        user.status = "active"

    def _apply_late(self, user: User, node: Node) -> None:
        now = self.users.get(user.user_id)
        # Not over a later modification, which may have been applied without a lag.
        if now and (now is user or now.status == "modifying"):
            self.apply(user, node)

    def _check_user(self, user: User) -> None:
        """Raises ElastiCacheError for what no user of its engine may be."""
        if user.engine == "valkey" and user.authentication == "no-password":
            raise invalid("Users of engine valkey must have a password or use IAM.")
        rules = user.access_string.split()
        if any(_PASSWORD_RULE.fullmatch(rule) for rule in rules):
            raise invalid("An access string cannot hold a password or reset the user.")
        try:
            self.fleet.check_rules(rules)
        except RejectedRulesError as error:
            raise invalid(f"Invalid access string: {error}") from None

    def _changeable_user(self, user_id: str) -> User:
        user = self.user(user_id)
        if user.user_id == "default":
            raise invalid("The user default belongs to AWS and cannot be changed.")
        if (status := self.status(user)) != "active":
            raise ElastiCacheError(
                "InvalidUserState",
                f"User {user.user_id} has status {status}. Only active users can be modified.",
            )
        return user

    def _require_quiet_groups(self, user: User) -> None:
        """Raises ElastiCacheError while another user of its groups is modified, by a fault."""
        peers = {peer for name in self.group_ids(user) for peer in self.groups[name].user_ids}
        busy = [peer for peer in sorted(peers) if self.users[peer].status != "active"]
        if busy and self.faults.strikes("one-at-a-time"):
            raise ElastiCacheError(
                "InvalidUserState",
                f"User {busy[0]} of a user group of {user.user_id} is being modified.",
            )

    def _user_shape(self, user: User) -> Shape:
        authentication: Shape = {"Type": user.authentication}
        if user.authentication == "password":
            authentication["PasswordCount"] = len(user.hashes)
        return {
            "UserId": user.user_id,
            "UserName": user.name,
            "Status": self.status(user),
            "Engine": user.engine,
            "MinimumEngineVersion": "7.2" if user.engine == "valkey" else "6.0",
            "AccessString": user.access_string,
            "UserGroupIds": self.group_ids(user),
            "Authentication": authentication,
            "ARN": user.arn,
        }
