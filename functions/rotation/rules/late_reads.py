"""Reads again what AWS may show late: all of its reads are eventually consistent."""

from collections.abc import Callable
from typing import TypeVar

READS, SECONDS_BETWEEN_READS = 3, 1.0

T = TypeVar("T")


def read_again(read: Callable[[], T], sleep: Callable[[float], None]) -> T:
    """The first answer that is true, or the last one."""
    for _ in range(READS):
        if answer := read():
            return answer
        sleep(SECONDS_BETWEEN_READS)
    return read()
