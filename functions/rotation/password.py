"""What ElastiCache takes as a password."""

#: Characters that ElastiCache refuses (guide, Clusters.RBAC, "Overview of setting up RBAC").
FORBIDDEN = ',"/@'
MIN_LENGTH = 16
MAX_LENGTH = 128


def is_valid(password: str) -> bool:
    """Whether ElastiCache takes it: 16-128 printable ASCII characters, none of ``, " / @``."""
    return (
        MIN_LENGTH <= len(password) <= MAX_LENGTH
        and password.isascii()
        and password.isprintable()
        and not set(password) & set(FORBIDDEN)
    )
