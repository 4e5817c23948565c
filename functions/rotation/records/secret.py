"""The secret's value: a JSON object that names the user and holds its password."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import quote

from rotation.errors import SecretFormatError
from rotation.records import json_text
from rotation.records.password import MAX_LENGTH, is_valid

#: The limit of a SecretString, in bytes of UTF-8 (Secrets Manager quotas, "Secret value size").
MAX_SECRET_BYTES = 65_536
#: Percent-encoded, each character takes three bytes.
MAX_PASSWORD_BYTES = 3 * MAX_LENGTH
EXAMPLE = '{"username": "app", "user_arn": "arn:aws:elasticache:us-east-1:123456789012:user:app"}'
KEYS = ("username", "user_arn", "password")

#: A value that is one URL with a userinfo (RFC 3986).
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#@\s\"]*@\S*")
#: The same inside a longer value. It ends at a character that cannot be in a URL, or that separates
#: URLs in a list or closes quotes. It must begin a word: trying each letter takes quadratic time.
_URL_IN_TEXT = re.compile(
    r"(?<![a-zA-Z0-9+.-])[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#@\s\",]*@"
    r"[^\s\"'<>,;`{}|\\^]*"
)


@dataclass(frozen=True)
class _Place:
    """The place of a copy of the password, and how another password is written there."""

    start: int
    end: int
    encode: Callable[[str], str]


@dataclass(frozen=True)
class SecretValue:
    """A parsed SecretString; ``text`` is the string itself.

    ``user_arn`` is None if the secret has none. ``password`` is None before the first rotation.
    """

    username: str
    user_arn: str | None
    password: str | None = field(repr=False)
    text: str = field(repr=False)

    @classmethod
    def parse(cls, text: str, where: str) -> "SecretValue":
        """Read a SecretString.

        Args:
            text: the SecretString.
            where: the version and the secret, for the message.

        Raises:
            SecretFormatError: it is not a JSON object with the keys that a rotation needs.
        """

        def wrong(problem: str) -> SecretFormatError:
            return SecretFormatError(f"{where} {problem}. It must be a JSON object like {EXAMPLE}.")

        try:
            fields = _json_object(text)
            _check_keys(fields)
        except _InvalidSecretError as error:
            raise wrong(str(error)) from None
        value = cls(fields["username"], fields.get("user_arn"), fields.get("password"), text)
        if value._pattern and value._pattern.search(f"{value.username} {value.user_arn}"):
            # A copy of the password could not be distinguished from the name.
            raise wrong('has a "password" that is part of its "username" or "user_arn"')
        # This size is the same before and after a rotation, whatever the passwords are.
        rest = len(value.with_password("").encode(errors="surrogatepass"))
        if rest + sum(map(len, value._places)) * MAX_PASSWORD_BYTES > MAX_SECRET_BYTES:
            raise wrong(f"leaves no room for a password within {MAX_SECRET_BYTES} bytes")
        return value

    def with_password(self, password: str) -> str:
        """The SecretString with another password in each place of the current one.

        A value may contain the current password plain or percent-encoded. In a URL with a userinfo,
        the new one is percent-encoded; elsewhere it is written as the current one is. Every other
        byte stays.
        """
        text, end = "", 0
        for places in self._places:
            for place in places:
                text += self.text[end : place.start] + place.encode(password)
                end = place.end
        return text + self.text[end:]

    @property
    def changed_values(self) -> int:
        """The number of the secret's values that another password changes."""
        return len(self._places)

    @cached_property
    def _places(self) -> list[list[_Place]]:
        """The places in each value that holds the password, in the order of the text."""
        in_each_value = [self._places_in(value) for value in json_text.scalars(self.text)]
        if not any(in_each_value):
            in_each_value.append([_new_member(self.text)])
        return [places for places in in_each_value if places]

    def _places_in(self, value: json_text.Scalar) -> list[_Place]:
        if value.key == "password":
            return [_Place(value.start, value.end, json.dumps)]
        literal = self.text[value.start : value.end]
        if value.key in KEYS or not literal.startswith('"') or not self._pattern:
            return []
        if not self._pattern.search(json.loads(literal)):
            return []
        string = json_text.String.of(self.text, value)
        whole = _URL.fullmatch(string.text)
        urls = [url.span() for url in ([whole] if whole else _URL_IN_TEXT.finditer(string.text))]
        return [
            _Place(
                string.offsets[copy.start()],
                string.offsets[copy.end()],
                _percent_encoded
                if copy[0] != self.password
                or any(start < copy.start() < end for start, end in urls)
                else _inside_a_string,
            )
            for copy in self._pattern.finditer(string.text)
        ]

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        """Finds copies of the password; None without one, or if it could be an ordinary word."""
        if self.password is None or not is_valid(self.password):
            return None
        # Encoders differ in which characters they encode. A "%" that ends it may be "%25".
        return re.compile(
            "".join(
                f"(?:(?i:%{ord(character):02x})|{re.escape(character)})"
                for character in self.password
            )
        )


def _inside_a_string(password: str) -> str:
    return json.dumps(password)[1:-1]


def _percent_encoded(password: str) -> str:
    return quote(password, safe="")


def _new_member(text: str) -> _Place:
    end, space = json_text.place_of_new_member(text)
    return _Place(end, end, lambda password: f',{space}"password": {json.dumps(password)}')


class _InvalidSecretError(Exception):
    """What is wrong with the text; it quotes nothing of the values."""


def _json_object(text: str) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) != len(pairs):
            raise _InvalidSecretError("has a key twice, at its top level or in a nested object")
        return dict(pairs)

    def refuse(name: str) -> None:
        raise _InvalidSecretError(f"holds {name}, which is not JSON")

    try:
        fields = json.loads(text, object_pairs_hook=unique, parse_int=float, parse_constant=refuse)
    except (ValueError, RecursionError):
        # The parser's own message quotes the text.
        raise _InvalidSecretError("is not valid JSON") from None
    if not isinstance(fields, dict):
        kind = "a list" if isinstance(fields, list) else "a single value"
        raise _InvalidSecretError(f"is not a JSON object but {kind}")
    return fields


def _check_keys(fields: dict[str, Any]) -> None:
    if renames := ", ".join(_misspelled(fields)):
        raise _InvalidSecretError(f"has a misspelled key: rename {renames}")
    if "username" not in fields:
        raise _InvalidSecretError('has no "username"')
    for key in KEYS:
        is_absent = key not in fields or (key == "password" and fields[key] is None)
        if not is_absent and (not isinstance(fields[key], str) or not fields[key]):
            raise _InvalidSecretError(f'has a "{key}" that is empty or not a string')


def _misspelled(fields: dict[str, Any]) -> Iterator[str]:
    """How to rename each key that is nearly a known one, such as ``userArn``."""
    keys = {key.lower().replace("_", "").replace("-", ""): key for key in fields}
    for key in KEYS:
        similar = keys.get(key.replace("_", ""))
        if similar and key not in fields:
            yield f'"{similar}" to "{key}"'
