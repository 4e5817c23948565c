"""ElastiCache's users, user groups and caches in front of real Valkey servers.

Shapes and error codes are those of botocore's model of the service. [RBAC] in this package is
https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Clusters.RBAC.html
"""

from local.elasticache.inventory import ElastiCacheError
from local.elasticache.service import ElastiCache, ElastiCacheResponse

__all__ = ["ElastiCache", "ElastiCacheError", "ElastiCacheResponse"]
