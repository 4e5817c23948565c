"""Requests: which parameters there are, what they mean, and pages of answers."""

import hashlib
import re
from collections.abc import Mapping

from local.elasticache.inventory import ElastiCacheError, Shape, combination, invalid

_IDENTIFIER = re.compile(r"[a-zA-Z][a-zA-Z0-9\-]*")
# [RBAC]: 16 to 128 printable characters, without these four.
_PASSWORD = re.compile(r'(?![^,"/@]*[,"/@])[\x21-\x7e]{16,128}')
_MOST_PASSWORDS = 2
_KINDS = ("password", "no-password-required", "iam")

#: All operations, each with the parameters that mean something here. Any other is refused.
PARAMETERS: Mapping[str, str] = {
    "CreateUser": "UserId UserName Engine Passwords AccessString NoPasswordRequired Tags "
    "AuthenticationMode",
    "ModifyUser": "UserId AccessString AppendAccessString Passwords NoPasswordRequired "
    "AuthenticationMode Engine",
    "DescribeUsers": "UserId MaxRecords Marker",
    "DeleteUser": "UserId",
    "CreateUserGroup": "UserGroupId Engine UserIds Tags",
    "ModifyUserGroup": "UserGroupId UserIdsToAdd UserIdsToRemove Engine",
    "DescribeUserGroups": "UserGroupId MaxRecords Marker",
    "DeleteUserGroup": "UserGroupId",
    "CreateReplicationGroup": "ReplicationGroupId ReplicationGroupDescription NumCacheClusters "
    "NumNodeGroups ReplicasPerNodeGroup Engine EngineVersion CacheNodeType CacheParameterGroupName "
    "CacheSubnetGroupName TransitEncryptionEnabled UserGroupIds AutomaticFailoverEnabled "
    "SecurityGroupIds Tags",
    "ModifyReplicationGroup": "ReplicationGroupId UserGroupIdsToAdd UserGroupIdsToRemove "
    "RemoveUserGroups",
    "DescribeReplicationGroups": "ReplicationGroupId MaxRecords Marker",
    "DeleteReplicationGroup": "ReplicationGroupId",
    "DescribeCacheClusters": "CacheClusterId MaxRecords Marker ShowCacheNodeInfo",
    "CreateServerlessCache": "ServerlessCacheName Engine UserGroupId SubnetIds SecurityGroupIds "
    "Tags",
    "ModifyServerlessCache": "ServerlessCacheName UserGroupId RemoveUserGroup",
    "DescribeServerlessCaches": "ServerlessCacheName MaxResults NextToken",
    "DeleteServerlessCache": "ServerlessCacheName",
    "AddTagsToResource": "ResourceName Tags",
    "RemoveTagsFromResource": "ResourceName TagKeys",
    "ListTagsForResource": "ResourceName",
}


def check_parameters(operation: str, request: Shape) -> None:
    """Raises ElastiCacheError for an operation or a parameter that is not supported here."""
    if operation not in PARAMETERS:
        raise ElastiCacheError("InvalidAction", f"{operation} is not part of the local AWS.")
    known = PARAMETERS[operation].split()
    if unknown := ", ".join(name for name in request if name not in known):
        raise combination(f"{unknown} of {operation}: not part of the local AWS. Leave it out.")


def identifier(text: str) -> str:
    """An id in lower case; raises ElastiCacheError."""
    if not _IDENTIFIER.fullmatch(text):
        raise invalid(f"{text!r} is not an identifier: a letter, then letters, digits, hyphens.")
    return text.lower()


def ids(request: Shape, name: str) -> list[str]:
    """The parameter's ids in lower case."""
    return [each.lower() for each in request.get(name, [])]


def engine_of(text: str) -> str:
    """Redis or valkey; raises ElastiCacheError."""
    engine = text.lower()
    if engine not in ("redis", "valkey"):
        raise invalid(f"Unknown engine {text!r}: use redis or valkey.")
    return engine


def normalized(access_string: str) -> str:
    """The order in which the guide shows an access string: on or off, keys, channels, commands.

    "off +get ~keys*" is shown as "off ~keys* -@all +get". Rules keep their case, which means
    nothing in them (valkey-io/valkey, src/acl.c).
    """
    rules = access_string.split()
    if "(" in access_string:  # Selectors: their order is their meaning.
        return " ".join(rules)
    state = [rule for rule in rules if rule.lower() in ("on", "off")][-1:] or ["off"]
    rest = [rule for rule in rules if rule.lower() not in ("on", "off")]
    commands = [rule for rule in rest if rule[0] in "+-" or rule.lower().endswith("commands")]
    channels = [rule for rule in rest if rule[0] == "&" or rule.lower().endswith("channels")]
    keys = [rule for rule in rest if rule not in commands and rule not in channels]
    every = ("+@all", "-@all", "allcommands", "nocommands")
    if not commands or commands[0].lower() not in every:
        commands.insert(0, "-@all")
    return " ".join([*state, *keys, *channels, *commands])


def authentication_of(request: Shape) -> tuple[str, list[str]] | None:
    """The requested type and the hashes of its passwords, or None when none was requested."""
    mode = request.get("AuthenticationMode")
    no_password = request.get("NoPasswordRequired")
    requested = [bool(mode), bool(request.get("Passwords")), bool(no_password)]
    if sum(requested) > 1:
        raise combination("Use only one of AuthenticationMode, Passwords and NoPasswordRequired.")
    if not any(requested):
        return None
    passwords = list((mode or request).get("Passwords", []))
    kind = mode.get("Type") if mode else "no-password-required" if no_password else "password"
    if kind not in _KINDS:
        raise invalid(f"Unknown authentication type {kind!r}.")
    if (kind == "password") != bool(passwords):
        raise combination(f"Authentication type {kind} with {len(passwords)} passwords.")
    if len(passwords) > _MOST_PASSWORDS:
        raise invalid(f"A user can have at most {_MOST_PASSWORDS} passwords.")
    if len(set(passwords)) != len(passwords):
        raise invalid("The passwords of a user must differ.")
    if not all(_PASSWORD.fullmatch(password) for password in passwords):
        raise invalid('Passwords must be 16-128 printable characters, without any of , " / and @.')
    hashes = [hashlib.sha256(password.encode()).hexdigest() for password in passwords]
    return kind.removesuffix("-required"), hashes


def page(
    key: str, items: list[Shape], request: Shape, size: str = "MaxRecords", marker: str = "Marker"
) -> Shape:
    """One page of items under the key, and the marker of the next one when there is one."""
    token = str(request.get(marker) or "0")
    if not token.isdigit():
        raise invalid(f"Invalid {marker}.")
    start, end = int(token), int(token) + int(request.get(size) or 100)
    found: Shape = {key: items[start:end]}
    return found | {marker: str(end)} if end < len(items) else found
