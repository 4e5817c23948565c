"""Each claim about AWS that this project rests on, and how the account is asked about it.

Sources are AWS's documents, by the names that tests and pages use: [API] botocore's service
models, [RBAC] the ElastiCache guide's Clusters.RBAC, [USM] its User-Secrets-Manager, [SM-L], [SM-F]
and [SM-T] the Secrets Manager guide's pages on rotation (tools/aws/contract.py), [SFN] the Step
Functions guide. "unverified" is what none of them tells.
"""

from tools.aws import contract, probes, rotations
from tools.aws.answers import Case


def cases(kinds: tuple[str, ...], watch_seconds: float) -> list[Case]:
    """All of them, in turn. ``watch_seconds`` is how long a failing rotation's retries are counted.

    The first kind of cache serves those that need one and do not care which; without any, Secrets
    Manager alone is asked.
    """
    on_caches = [*rotations.matrix(kinds)]
    if kinds:
        on_caches += [*rotations.outcomes(kinds[0]), *probes.probes(kinds[0])]
    return [*contract.first(), *on_caches, *contract.last(watch_seconds)]
