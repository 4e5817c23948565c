"""Replication groups and serverless caches."""

from local.elasticache.inventory import ARN_PREFIX, Cache, ElastiCacheError, Shape, combination
from local.elasticache.requests import engine_of, identifier, ids, page
from local.elasticache.tags import Tags
from local.nodes import Node

# By kind: the parameter that names a cache, and what most of the kind's error codes end with.
_KINDS = {
    "ReplicationGroup": ("ReplicationGroupId", ""),
    "ServerlessCache": ("ServerlessCacheName", "Fault"),
}


class Caches(Tags):
    """The operations on caches."""

    def create_replication_group(self, request: Shape) -> Shape:
        """The group is available at once."""
        group_ids, tls = ids(request, "UserGroupIds"), bool(request.get("TransitEncryptionEnabled"))
        _require_tls(group_ids, tls)
        shards, size, clustered = _layout(request)
        cache = self._start("ReplicationGroup", request, group_ids, shards * size)
        cache.shape |= _kept(request, "CacheNodeType") | {
            "Description": request["ReplicationGroupDescription"],
            "NodeGroups": [
                _add_shard(cache, request, shard, cache.nodes[shard * size :][:size], clustered)
                for shard in range(shards)
            ],
            "MemberClusters": [member["CacheClusterId"] for member in cache.members],
            "ClusterEnabled": clustered,
            "ClusterMode": "enabled" if clustered else "disabled",
            "AutomaticFailover": "enabled"
            if request.get("AutomaticFailoverEnabled")
            else "disabled",
            "TransitEncryptionEnabled": tls,
        }
        if tls:
            cache.shape["TransitEncryptionMode"] = "required"
        if clustered:
            cache.shape["ConfigurationEndpoint"] = _endpoint(cache.nodes[0], tls)
        return {"ReplicationGroup": self._cache_shape(cache)}

    def modify_replication_group(self, request: Shape) -> Shape:
        """Its user groups."""
        cache = self._changeable_cache("ReplicationGroup", request)
        added, removed = ids(request, "UserGroupIdsToAdd"), ids(request, "UserGroupIdsToRemove")
        if request.get("RemoveUserGroups"):
            removed = cache.group_ids
        group_ids = [each for each in cache.group_ids if each not in removed]
        group_ids += [each for each in added if each not in group_ids]
        _require_tls(group_ids, cache.shape["TransitEncryptionEnabled"])
        return self._change_cache(cache, group_ids)

    def describe_replication_groups(self, request: Shape) -> Shape:
        return page("ReplicationGroups", self._cache_shapes("ReplicationGroup", request), request)

    def delete_replication_group(self, request: Shape) -> Shape:
        return self._delete_cache("ReplicationGroup", request)

    def describe_cache_clusters(self, request: Shape) -> Shape:
        """Where nodes of cluster mode have their addresses."""
        cluster_id = request.get("CacheClusterId")
        hidden = () if request.get("ShowCacheNodeInfo") else ("CacheNodes",)
        members = [
            {key: value for key, value in member.items() if key not in hidden}
            for cache in self.caches.values()
            for member in cache.members
            if not cluster_id or member["CacheClusterId"] == cluster_id.lower()
        ]
        if cluster_id and not members:
            raise ElastiCacheError("CacheClusterNotFound", f"CacheCluster not found: {cluster_id}")
        return page("CacheClusters", members, request)

    def create_serverless_cache(self, request: Shape) -> Shape:
        """One node behind two ports."""
        cache = self._start("ServerlessCache", request, _serverless_group(request), 1)
        cache.shape |= _kept(request, "SecurityGroupIds", "SubnetIds") | {
            "MajorEngineVersion": "8" if cache.engine == "valkey" else "7",
            "Endpoint": _endpoint(cache.nodes[0]),
            "ReaderEndpoint": _endpoint(cache.nodes[0]),
        }
        return {"ServerlessCache": self._cache_shape(cache)}

    def modify_serverless_cache(self, request: Shape) -> Shape:
        """Its user group."""
        cache = self._changeable_cache("ServerlessCache", request)
        kept = [] if request.get("RemoveUserGroup") else cache.group_ids
        return self._change_cache(cache, _serverless_group(request) or kept)

    def describe_serverless_caches(self, request: Shape) -> Shape:
        shapes = self._cache_shapes("ServerlessCache", request)
        return page("ServerlessCaches", shapes, request, size="MaxResults", marker="NextToken")

    def delete_serverless_cache(self, request: Shape) -> Shape:
        return self._delete_cache("ServerlessCache", request)

    def _start(self, kind: str, request: Shape, group_ids: list[str], count: int) -> Cache:
        """Starts a cache's nodes with the users of its groups on every one of them."""
        key, fault = _KINDS[kind]
        engine = engine_of(request.get("Engine") or "redis")
        cache = Cache(kind, identifier(request[key]), engine, group_ids)
        cache.shape = {key: cache.name, "Engine": engine, "ARN": cache.arn}
        if cache.arn in self.caches:
            raise ElastiCacheError(f"{kind}AlreadyExists{fault}", f"{kind} {cache.name} exists.")
        self._require_groups(cache, group_ids)
        cache.nodes = self.fleet.start_nodes(count)
        for node in cache.nodes:
            for user in self.users_of(group_ids):
                self.apply(user, node)
        self.caches[cache.arn] = cache
        self.write_tags(cache.arn, request)
        return cache

    def _change_cache(self, cache: Cache, group_ids: list[str]) -> Shape:
        """In effect after a while, in which all users of its groups are modifying."""
        self._require_groups(cache, group_ids)
        cache.status, cache.future_group_ids = "modifying", group_ids
        self.change(self._finish_cache, cache)
        return {cache.kind: self._cache_shape(cache)}

    def _finish_cache(self, cache: Cache) -> None:
        before = {user.name for user in self.users_of(cache.group_ids)}
        users = self.users_of(cache.future_group_ids)
        for node in cache.nodes:
            for name in before - {user.name for user in users}:
                node.delete_user(name)
            for user in users:
                self.apply(user, node)
        cache.group_ids, cache.future_group_ids = cache.future_group_ids, []
        cache.status = "available"

    def _require_groups(self, cache: Cache, group_ids: list[str]) -> None:
        if cache.engine == "redis" and any(self.group(it).engine == "valkey" for it in group_ids):
            raise combination("User groups of engine valkey need a cache of that engine.")

    def _delete_cache(self, kind: str, request: Shape) -> Shape:
        """With all nodes, at once."""
        cache = self._changeable_cache(kind, request)
        del self.caches[cache.arn]
        self.forget_tags(cache.arn)
        self.fleet.stop_nodes(cache.nodes)
        return {kind: self._cache_shape(cache) | {"Status": "deleting"}}

    def _changeable_cache(self, kind: str, request: Shape) -> Cache:
        key, fault = _KINDS[kind]
        cache = self.cache(kind, request[key])
        if cache.status != "available":
            text = f"{kind} {cache.name} has status {cache.status}."
            raise ElastiCacheError(f"Invalid{kind}State{fault}", text)
        return cache

    def _cache_shapes(self, kind: str, request: Shape) -> list[Shape]:
        """Of all caches of the kind, or of the one that is named."""
        name = request.get(_KINDS[kind][0])
        caches = [self.cache(kind, name)] if name else self.caches.values()
        return [self._cache_shape(cache) for cache in caches if cache.kind == kind]

    def _cache_shape(self, cache: Cache) -> Shape:
        shape = cache.shape | {"Status": cache.status}
        if cache.kind == "ReplicationGroup":
            return shape | {"UserGroupIds": list(cache.group_ids)}
        return shape | ({"UserGroupId": cache.group_ids[0]} if cache.group_ids else {})


def _serverless_group(request: Shape) -> list[str]:
    return [request["UserGroupId"].lower()] if request.get("UserGroupId") else []


def _layout(request: Shape) -> tuple[int, int, bool]:
    """How many shards, of how many nodes, and whether cluster mode is on."""
    sharded = {"NumNodeGroups", "ReplicasPerNodeGroup"} & request.keys()
    if sharded and "NumCacheClusters" in request:
        raise combination(f"Use NumCacheClusters, or {' and '.join(sorted(sharded))}.")
    shards = int(request.get("NumNodeGroups") or 1)
    replicas = int(request.get("ReplicasPerNodeGroup") or 0)
    size = int(request.get("NumCacheClusters") or 1 + replicas)
    # Only AWS's own parameter groups are here, whose names say all that matters.
    parameters = request.get("CacheParameterGroupName", "default.")
    if not parameters.startswith("default."):
        text = f"CacheParameterGroup not found: {parameters}. Only AWS's own are here, default.*"
        raise ElastiCacheError("CacheParameterGroupNotFound", text)
    return shards, size, shards > 1 or parameters.endswith(".cluster.on")


def _require_tls(group_ids: list[str], tls: bool) -> None:
    if group_ids and not tls:
        raise combination("User groups need TransitEncryptionEnabled.")


def _kept(request: Shape, *names: str) -> Shape:
    """What is shown as it was given, and means nothing here."""
    return {name: request[name] for name in names if name in request}


def _endpoint(node: Node, tls: bool = True) -> Shape:
    """A new port of the node, under the name that its certificate carries."""
    return {"Address": "localhost", "Port": node.listen(tls=tls)}


def _add_shard(
    cache: Cache, request: Shape, shard: int, nodes: list[Node], clustered: bool
) -> Shape:
    """Adds the nodes to the cache's members; returns their node group."""
    tls = bool(request.get("TransitEncryptionEnabled"))
    shown = _kept(request, "CacheNodeType", "EngineVersion", "CacheSubnetGroupName")
    if groups := request.get("SecurityGroupIds"):
        shown["SecurityGroups"] = [{"SecurityGroupId": it, "Status": "active"} for it in groups]
    members: list[Shape] = []
    for index, node in enumerate(nodes):
        cluster = f"{cache.name}-{f'{shard + 1:04}-' if clustered else ''}{index + 1:03}"
        node_shape = {"CacheNodeId": "0001", "Endpoint": _endpoint(node, tls)}
        cache.members.append(
            shown
            | {
                "CacheClusterId": cluster,
                "ReplicationGroupId": cache.name,
                "Engine": cache.engine,
                "CacheClusterStatus": "available",
                "NumCacheNodes": 1,
                "TransitEncryptionEnabled": tls,
                "CacheNodes": [node_shape | {"CacheNodeStatus": "available"}],
                "ARN": f"{ARN_PREFIX}:cluster:{cluster}",
            }
        )
        members.append({"CacheClusterId": cluster, "CacheNodeId": "0001"})
        if not clustered:
            role = "replica" if index else "primary"
            members[-1] |= {"ReadEndpoint": node_shape["Endpoint"], "CurrentRole": role}
    group: Shape = {
        "NodeGroupId": f"{shard + 1:04}",
        "Status": "available",
        "NodeGroupMembers": members,
    }
    if not clustered:
        group |= {
            "PrimaryEndpoint": _endpoint(nodes[0], tls),
            "ReaderEndpoint": _endpoint(nodes[-1], tls),
        }
    return group
