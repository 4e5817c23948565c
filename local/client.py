"""An application's client of the caches: what the local AWS is judged by, from outside."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from local.instance import LocalAws

_WATCH_SECONDS = 0.2


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


def password_of(manager: Any, secret: str, label: str) -> str:
    """The password in a secret's version; empty if there is none."""
    try:
        found = manager.get_secret_value(SecretId=secret, VersionStage=label)
    except manager.exceptions.ResourceNotFoundException:
        return ""
    return str(json.loads(found["SecretString"]).get("password", ""))


class Watcher:
    """A client that must never be locked out: logs in with AWSCURRENT on every node, repeatedly.

    On the nodes that faults make `unreachable`, numbered from 1, only a refused password counts as
    a lock-out, not a failed connection.
    """

    def __init__(
        self, aws: LocalAws, cache: str, username: str, secret: str, unreachable: set[int]
    ) -> None:
        self.logins = 0
        self.lock_outs: list[str] = []
        self._aws, self._username, self._secret = aws, username, secret
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._watch, args=(node, endpoint, position in unreachable), daemon=True
            )
            for position, (node, endpoint) in enumerate(nodes(aws, cache).items(), 1)
        ]

    def __enter__(self) -> Watcher:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(10)

    def _watch(self, node: str, endpoint: dict[str, Any], may_be_unreachable: bool) -> None:
        manager = self._aws.client("secretsmanager")
        while not self._over.wait(_WATCH_SECONDS):
            try:
                password = password_of(manager, self._secret, "AWSCURRENT")
                locked_out = (
                    "" if logs_in(self._aws, endpoint, self._username, password) else "refused"
                )
            except Exception as error:  # any error locks a client out
                if may_be_unreachable and isinstance(error, redis.RedisError):
                    continue
                locked_out = type(error).__name__
            with self._lock:
                self.logins += 1
                if locked_out:
                    at = time.strftime("%H:%M:%S")
                    self.lock_outs.append(f"{at} {node}: {locked_out}")
