"""Replication groups and serverless caches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from local.elasticache.inventory import (
    ARN_PREFIX,
    Cache,
    ElastiCacheError,
    Inventory,
    Shape,
    combination,
)
from local.elasticache.requests import engine_of, identifier, page
from local.elasticache.tags import Tags
from local.nodes import Node

# The service's codes: not found, exists already, cannot be changed now; and what it is.
_CODES: Mapping[str, tuple[str, str, str, str]] = {
    "replicationgroup": (
        "ReplicationGroupNotFoundFault",
        "ReplicationGroupAlreadyExists",
        "InvalidReplicationGroupState",
        "Replication group",
    ),
    "serverlesscache": (
        "ServerlessCacheNotFoundFault",
        "ServerlessCacheAlreadyExistsFault",
        "InvalidServerlessCacheStateFault",
        "Serverless cache",
    ),
}


class Caches:
    """The operations on caches."""

    def __init__(self, inventory: Inventory, tags: Tags) -> None:
        self._all = inventory
        self._tags = tags

    # Replication groups

    def create_replication_group(self, request: Shape) -> Shape:
        """CreateReplicationGroup; the group is available at once."""
        name, tls = identifier(request["ReplicationGroupId"]), _tls(request)
        engine = engine_of(request.get("Engine") or "redis")
        group_ids = [group_id.lower() for group_id in request.get("UserGroupIds", [])]
        if group_ids and not tls:
            raise combination("User groups need TransitEncryptionEnabled.")
        shards, size, clustered = _layout(request)
        cache = self._start("replicationgroup", name, engine, group_ids, shards * size)
        kept = _kept(request, "CacheNodeType")
        more = kept | _kept(request, "EngineVersion", "CacheSubnetGroupName")
        if groups := request.get("SecurityGroupIds"):
            more["SecurityGroups"] = [
                {"SecurityGroupId": each, "Status": "active"} for each in groups
            ]
        node_groups = []
        for shard in range(shards):
            nodes = cache.nodes[shard * size : (shard + 1) * size]
            middle = f"-{shard + 1:04}" if clustered else ""
            members = [f"{name}{middle}-{index + 1:03}" for index in range(size)]
            endpoints = [_endpoint(node, tls=tls) for node in nodes]
            for member, endpoint in zip(members, endpoints, strict=True):
                shape = _cluster_shape(member, name, engine, endpoint, tls=tls)
                cache.members.append(shape | more)
            node_group: Shape = {"NodeGroupId": f"{shard + 1:04}", "Status": "available"}
            node_group["NodeGroupMembers"] = [
                {"CacheClusterId": member, "CacheNodeId": "0001"} for member in members
            ]
            if not clustered:
                node_group["PrimaryEndpoint"] = _endpoint(nodes[0], tls=tls)
                node_group["ReaderEndpoint"] = _endpoint(nodes[-1], tls=tls)
                for index, member in enumerate(node_group["NodeGroupMembers"]):
                    member["ReadEndpoint"] = endpoints[index]
                    member["CurrentRole"] = "replica" if index else "primary"
            node_groups.append(node_group)
        cache.shape = kept | {
            "ReplicationGroupId": name,
            "Description": request["ReplicationGroupDescription"],
            "MemberClusters": [member["CacheClusterId"] for member in cache.members],
            "NodeGroups": node_groups,
            "ClusterEnabled": clustered,
            "ClusterMode": "enabled" if clustered else "disabled",
            "TransitEncryptionEnabled": tls,
            "Engine": engine,
            "ARN": cache.arn,
        }
        if "AutomaticFailoverEnabled" in request:
            failover = "enabled" if request["AutomaticFailoverEnabled"] else "disabled"
            cache.shape["AutomaticFailover"] = failover
        if tls:
            cache.shape["TransitEncryptionMode"] = "required"
        if clustered:
            cache.shape["ConfigurationEndpoint"] = _endpoint(cache.nodes[0], tls=tls)
        self._tags.write(cache.arn, request)
        return {"ReplicationGroup": self._shape(cache)}

    def modify_replication_group(self, request: Shape) -> Shape:
        """ModifyReplicationGroup: description and user groups."""
        cache = self._changeable("replicationgroup", request["ReplicationGroupId"])
        added = [group_id.lower() for group_id in request.get("UserGroupIdsToAdd", [])]
        removed = [group_id.lower() for group_id in request.get("UserGroupIdsToRemove", [])]
        if request.get("RemoveUserGroups"):
            removed = list(cache.group_ids)
        group_ids = [each for each in cache.group_ids if each not in removed]
        group_ids += [each for each in added if each not in group_ids]
        if group_ids and not cache.shape["TransitEncryptionEnabled"]:
            raise combination("User groups need TransitEncryptionEnabled.")
        self._change(cache, group_ids, request.get("ReplicationGroupDescription"))
        return {"ReplicationGroup": self._shape(cache)}

    def describe_replication_groups(self, request: Shape) -> Shape:
        """DescribeReplicationGroups."""
        caches = self._find("replicationgroup", request.get("ReplicationGroupId"))
        return page("ReplicationGroups", [self._shape(cache) for cache in caches], request)

    def delete_replication_group(self, request: Shape) -> Shape:
        """DeleteReplicationGroup, with all nodes at once."""
        return {"ReplicationGroup": self._delete("replicationgroup", request["ReplicationGroupId"])}

    def describe_cache_clusters(self, request: Shape) -> Shape:
        """DescribeCacheClusters: where nodes of cluster mode have their addresses."""
        cluster_id = request.get("CacheClusterId")
        members = [
            member
            for cache in self._all.caches.values()
            for member in cache.members
            if not cluster_id or member["CacheClusterId"] == cluster_id.lower()
        ]
        if cluster_id and not members:
            raise ElastiCacheError("CacheClusterNotFound", f"CacheCluster not found: {cluster_id}")
        if request.get("ShowCacheClustersNotInReplicationGroups"):
            members = []
        if not request.get("ShowCacheNodeInfo"):
            members = [
                {key: value for key, value in member.items() if key != "CacheNodes"}
                for member in members
            ]
        return page("CacheClusters", members, request)

    # Serverless caches

    def create_serverless_cache(self, request: Shape) -> Shape:
        """CreateServerlessCache: one node behind two ports."""
        name, engine = identifier(request["ServerlessCacheName"]), engine_of(request["Engine"])
        group_id = request.get("UserGroupId")
        group_ids = [group_id.lower()] if group_id else []
        cache = self._start("serverlesscache", name, engine, group_ids, 1)
        cache.shape = _kept(request, "SecurityGroupIds", "SubnetIds") | {
            "ServerlessCacheName": name,
            "Description": request.get("Description") or " ",
            "Engine": engine,
            "MajorEngineVersion": request.get("MajorEngineVersion")
            or ("8" if engine == "valkey" else "7"),
            "Endpoint": _endpoint(cache.nodes[0]),
            "ReaderEndpoint": _endpoint(cache.nodes[0]),
            "ARN": cache.arn,
        }
        self._tags.write(cache.arn, request)
        return {"ServerlessCache": self._shape(cache)}

    def modify_serverless_cache(self, request: Shape) -> Shape:
        """ModifyServerlessCache: description and user group."""
        cache = self._changeable("serverlesscache", request["ServerlessCacheName"])
        group_id = request.get("UserGroupId")
        if group_id and request.get("RemoveUserGroup"):
            raise combination("Use only one of UserGroupId and RemoveUserGroup.")
        group_ids = [group_id.lower()] if group_id else cache.group_ids
        if request.get("RemoveUserGroup"):
            group_ids = []
        self._change(cache, group_ids, request.get("Description"))
        return {"ServerlessCache": self._shape(cache)}

    def describe_serverless_caches(self, request: Shape) -> Shape:
        """DescribeServerlessCaches."""
        caches = self._find("serverlesscache", request.get("ServerlessCacheName"))
        shapes = [self._shape(cache) for cache in caches]
        return page("ServerlessCaches", shapes, request, size="MaxResults", marker="NextToken")

    def delete_serverless_cache(self, request: Shape) -> Shape:
        """DeleteServerlessCache."""
        return {"ServerlessCache": self._delete("serverlesscache", request["ServerlessCacheName"])}

    # Both

    def _start(self, kind: str, name: str, engine: str, group_ids: list[str], count: int) -> Cache:
        """Starts a cache's nodes with the users of its groups on every one of them."""
        cache = Cache(kind, name, engine, group_ids, [])
        if cache.arn in self._all.caches:
            _, code, _, subject = _CODES[kind]
            raise ElastiCacheError(code, f"{subject} {name} already exists.")
        self._require_groups(cache, group_ids)
        cache.nodes = self._all.fleet.start_nodes(count)
        for node in cache.nodes:
            for user in self._all.users_of(group_ids):
                self._all.apply(user, node)
        self._all.caches[cache.arn] = cache
        return cache

    def _change(self, cache: Cache, group_ids: list[str], description: str | None) -> None:
        """In effect after a while, in which all users of its groups are modifying."""
        self._require_groups(cache, group_ids)
        cache.status, cache.future_group_ids = "modifying", group_ids
        self._all.change(self._finish, cache, description)

    def _finish(self, cache: Cache, description: str | None) -> None:
        before = {user.name for user in self._all.users_of(cache.group_ids)}
        users = self._all.users_of(cache.future_group_ids)
        for node in cache.nodes:
            for name in before - {user.name for user in users}:
                node.delete_user(name)
            for user in users:
                self._all.apply(user, node)
        cache.group_ids, cache.future_group_ids = cache.future_group_ids, []
        cache.status = "available"
        if description:
            cache.shape["Description"] = description

    def _require_groups(self, cache: Cache, group_ids: Sequence[str]) -> None:
        for group in map(self._all.group, group_ids):
            if group.engine == "valkey" and cache.engine == "redis":
                raise combination("User groups of engine valkey need a cache of that engine.")

    def _delete(self, kind: str, name: str) -> Shape:
        cache = self._changeable(kind, name)
        del self._all.caches[cache.arn]
        self._tags.forget(cache.arn)
        self._all.fleet.stop_nodes(cache.nodes)
        return self._shape(cache) | {"Status": "deleting"}

    def _find(self, kind: str, name: str | None) -> list[Cache]:
        """All caches of the kind, or the one that is named; raises ElastiCacheError."""
        caches = [cache for cache in self._all.caches.values() if cache.kind == kind]
        if name is None:
            return caches
        if found := [cache for cache in caches if cache.name == name.lower()]:
            return found
        code, _, _, subject = _CODES[kind]
        raise ElastiCacheError(code, f"{subject} {name} not found.")

    def _changeable(self, kind: str, name: str) -> Cache:
        [cache] = self._find(kind, name)
        if cache.status != "available":
            _, _, code, subject = _CODES[kind]
            raise ElastiCacheError(code, f"{subject} {cache.name} has status {cache.status}.")
        return cache

    def _shape(self, cache: Cache) -> Shape:
        shape = cache.shape | {"Status": cache.status}
        if cache.kind == "replicationgroup":
            return shape | {"UserGroupIds": list(cache.group_ids)}
        return shape | ({"UserGroupId": cache.group_ids[0]} if cache.group_ids else {})


def _layout(request: Shape) -> tuple[int, int, bool]:
    """How many shards, of how many nodes, and whether cluster mode is on."""
    sharded = {"NumNodeGroups", "ReplicasPerNodeGroup"} & request.keys()
    if sharded and "NumCacheClusters" in request:
        raise combination(f"Use NumCacheClusters, or {' and '.join(sorted(sharded))}.")
    shards = int(request.get("NumNodeGroups") or 1)
    size = int(request.get("NumCacheClusters") or 1)
    if sharded:
        size = 1 + int(request.get("ReplicasPerNodeGroup") or 0)
    # Only AWS's own parameter groups are here, of which the name tells all that matters.
    parameters = request.get("CacheParameterGroupName", "default.")
    if not parameters.startswith("default."):
        text = f"CacheParameterGroup not found: {parameters}. Only AWS's own are here, default.*"
        raise ElastiCacheError("CacheParameterGroupNotFound", text)
    mode = request.get("ClusterMode")
    clustered = shards > 1 or mode == "enabled" or parameters.endswith(".cluster.on")
    if clustered and mode == "disabled":
        raise combination("ClusterMode disabled: use one node group, and no group .cluster.on.")
    return shards, size, clustered


def _tls(request: Shape) -> bool:
    if "TransitEncryptionMode" in request and not request.get("TransitEncryptionEnabled"):
        raise combination("TransitEncryptionMode needs TransitEncryptionEnabled.")
    return bool(request.get("TransitEncryptionEnabled"))


def _kept(request: Shape, *names: str) -> Shape:
    """What is shown as it was given, and means nothing here."""
    return {name: request[name] for name in names if name in request}


def _endpoint(node: Node, *, tls: bool = True) -> Shape:
    """A new port of the node, under the name that its certificate carries."""
    return {"Address": "localhost", "Port": node.listen(tls=tls)}


def _cluster_shape(member: str, name: str, engine: str, endpoint: Shape, *, tls: bool) -> Shape:
    return {
        "CacheClusterId": member,
        "ReplicationGroupId": name,
        "Engine": engine,
        "CacheClusterStatus": "available",
        "NumCacheNodes": 1,
        "TransitEncryptionEnabled": tls,
        "CacheNodes": [
            {"CacheNodeId": "0001", "CacheNodeStatus": "available", "Endpoint": endpoint}
        ],
        "ARN": f"{ARN_PREFIX}:cluster:{member}",
    }
