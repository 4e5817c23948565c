"""Finds the values in the text of a JSON object, so that every other byte can stay as it is."""

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

    ``key`` is the key of the outermost member that contains it.
    """

    start: int
    end: int
    key: str


def scalars(text: str) -> Iterator[Scalar]:
    """Every value of a valid JSON object that is neither a list nor an object."""
    key = ""
    for token, depth in _tokens(text):
        if token["value"]:
            yield Scalar(*token.span("value"), key)
        elif token["key"] and depth == 1:
            key = json.loads(token["key"])


@dataclass(frozen=True)
class String:
    """A JSON string; ``offsets`` has where each character of ``text`` begins, and the end."""

    text: str
    offsets: list[int]

    @classmethod
    def of(cls, text: str, scalar: Scalar) -> "String":
        """Read one of the text's scalars."""
        characters = list(_CHARACTER.finditer(text, scalar.start + 1, scalar.end - 1))
        decoded = (json.loads(f'"{character[0]}"') for character in characters)
        offsets = [character.start() for character in characters]
        return cls("".join(decoded), [*offsets, scalar.end - 1])


def place_of_new_member(text: str) -> tuple[int, str]:
    """Where another member of the object goes, and the white space before its key.

    The caller writes a comma before the white space, which is that of the last member.
    """
    *_, key = (token.start() for token, depth in _tokens(text) if token["key"] and depth == 1)
    space = text[len(text[:key].rstrip(_SPACE)) : key]
    return len(text[: text.rindex("}")].rstrip(_SPACE)), space


def _tokens(text: str) -> Iterator[tuple[re.Match[str], int]]:
    """Each token, and how many objects and lists are open after it."""
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += bool(token["opening"]) - bool(token["closing"])
        yield token, depth
