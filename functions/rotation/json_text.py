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
_CHARACTER = re.compile(r"\\u[0-9a-fA-F]{4}|\\.|[^\\]", re.DOTALL)


@dataclass(frozen=True)
class Value:
    """A string, number, true, false or null: ``text[start:end]``.

    ``key`` is its key where it stands in the object itself, and None deeper in it.
    """

    start: int
    end: int
    key: str | None


def values(text: str) -> Iterator[Value]:
    """Every value of a valid JSON object that is no list or object itself."""
    depth, key = 0, ""
    for token in _TOKEN.finditer(text):
        if token["opening"]:
            depth += 1
        elif token["closing"]:
            depth -= 1
        elif token["value"]:
            yield Value(*token.span("value"), key if depth == 1 else None)
        elif depth == 1:
            key = json.loads(token["key"])


@dataclass(frozen=True)
class Spelling:
    """A JSON string as it is ``read``; ``offsets`` are where each of its characters is written."""

    read: str
    offsets: list[int]

    @classmethod
    def of(cls, text: str, string: Value) -> "Spelling":
        """Of a string of the text."""
        found = list(_CHARACTER.finditer(text, string.start + 1, string.end - 1))
        read = (each[0] if len(each[0]) == 1 else json.loads(f'"{each[0]}"') for each in found)
        return cls("".join(read), [*(each.start() for each in found), string.end - 1])


def end_of_members(text: str) -> int:
    """Where another member can be written, after a comma: behind the last one."""
    return len(text[: text.rindex("}")].rstrip(" \t\r\n"))


def space_before_members(text: str) -> str:
    """What stands between the comma, or the brace, and the key of the object's last member."""
    depth, start = 0, 0
    for token in _TOKEN.finditer(text):
        depth += bool(token["opening"]) - bool(token["closing"])
        if token["key"] and depth == 1:
            start = token.start()
    return text[len(text[:start].rstrip(" \t\r\n")) : start]
