"""An application's client of the caches: what the local AWS is judged by, from outside."""

from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from local.instance import LocalAws


def logs_in(aws: LocalAws, endpoint: dict[str, Any], username: str, password: str) -> bool:
    """Whether the password logs in at ``{"Address", "Port"}``, over verified TLS."""
    client = redis.Redis(
        host=endpoint["Address"],
        port=endpoint["Port"],
        username=username,
        password=password,
        ssl=True,
        ssl_ca_certs=aws.environment["LOCAL_CA_FILE"],
        # redis-py would try a refused password again, seconds later.
        retry=Retry(NoBackoff(), 0),
    )
    try:
        client.ping()
    except redis.exceptions.NoPermissionError:
        return True
    except redis.exceptions.AuthenticationError:
        return False
    finally:
        client.close()
    return True


def nodes(aws: LocalAws, cache: str) -> dict[str, dict[str, Any]]:
    """The endpoints of a replication group's nodes, by cluster id, or of a serverless cache."""
    elasticache = aws.client("elasticache")
    for page in elasticache.get_paginator("describe_serverless_caches").paginate():
        for found in page["ServerlessCaches"]:
            if found["ServerlessCacheName"] == cache:
                return {"writer": found["Endpoint"], "reader": found["ReaderEndpoint"]}
    pages = elasticache.get_paginator("describe_cache_clusters").paginate(ShowCacheNodeInfo=True)
    return {
        cluster["CacheClusterId"]: cluster["CacheNodes"][0]["Endpoint"]
        for page in pages
        for cluster in page["CacheClusters"]
        if cluster["ReplicationGroupId"] == cache
    }
