"""The text of a JSON object, in which single values are replaced and every other byte stays."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_TOKEN = re.compile(
    rf"(?P<key>{_STRING})[ \t\r\n]*:"
    rf"|(?P<value>{_STRING}|[^\[\]{{}}:,\" \t\r\n]+)"
    r"|(?P<opening>[\[{])|(?P<closing>[\]}])"
)
_SPACE = " \t\r\n"
_CHARACTER = re.compile(r"\\u[0-9a-fA-F]{4}|\\.|[^\\]", re.DOTALL)


@dataclass(frozen=True)
class Scalar:
    """A string, number, true, false or null: ``text[start:end]``.

    ``key`` is that of the object's own member in which it stands, at whatever depth.
    """

    start: int
    end: int
    key: str


def scalars(text: str) -> Iterator[Scalar]:
    """Every value of a valid JSON object that is no list or object itself."""
    key = ""
    for token, depth in _tokens(text):
        if token["value"]:
            yield Scalar(*token.span("value"), key)
        elif token["key"] and depth == 1:
            key = json.loads(token["key"])


@dataclass(frozen=True)
class String:
    """A JSON string; ``offsets`` are where each character of its ``text`` is, and the end."""

    text: str
    offsets: list[int]

    @classmethod
    def of(cls, text: str, string: Scalar) -> "String":
        """Of a string of the text."""
        found = list(_CHARACTER.finditer(text, string.start + 1, string.end - 1))
        read = (json.loads(f'"{each[0]}"') for each in found)
        return cls("".join(read), [*(each.start() for each in found), string.end - 1])


def place_of_new_member(text: str) -> tuple[int, str]:
    """Where another member of the object is written, after a comma, and the space before its key.

    The space is that of the last member.
    """
    *_, key = (token.start() for token, depth in _tokens(text) if token["key"] and depth == 1)
    space = text[len(text[:key].rstrip(_SPACE)) : key]
    return len(text[: text.rindex("}")].rstrip(_SPACE)), space


def _tokens(text: str) -> Iterator[tuple[re.Match[str], int]]:
    """Each token, and how many objects and lists are open behind it."""
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += bool(token["opening"]) - bool(token["closing"])
        yield token, depth
