"""The secret's text: a JSON object that names the user and holds its password."""

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

#: Limit of a SecretString, in bytes of UTF-8 (Secrets Manager quotas, "Secret value size").
MAX_SECRET_BYTES = 65_536
#: No password is longer when it is written: percent-encoded, each character takes three bytes.
LONGEST_PASSWORD = 3 * MAX_LENGTH
EXAMPLE = '{"username": "app", "user_arn": "arn:aws:elasticache:us-east-1:123456789012:user:app"}'
KEYS = ("username", "user_arn", "password")

#: A text that is a URL with a userinfo (RFC 3986), all of it.
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#@\s\"]*@\S*")
#: The same in a longer text. There it ends with what a URL cannot have, or what may end it in a
#: list or in quotes. It begins a word: to try each letter of one would take the square of its
#: length.
_URL_IN_TEXT = re.compile(
    r"(?<![a-zA-Z0-9+.-])[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#@\s\",]*@"
    r"[^\s\"'<>,;`{}|\\^]*"
)


@dataclass(frozen=True)
class _Place:
    """Where the password stands, and how another one is written there."""

    start: int
    end: int
    encode: Callable[[str], str]


@dataclass(frozen=True)
class SecretValue:
    """A parsed SecretString, its ``text``.

    ``user_arn`` is None in a secret that does not name it, ``password`` before the first rotation.
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
            where: what is read, for the error's sentence; an id, never a value.

        Raises:
            SecretFormatError: not a JSON object with the fields that a rotation needs.
        """

        def wrong(problem: str) -> SecretFormatError:
            return SecretFormatError(f"{where} {problem}. It must be a JSON object like {EXAMPLE}.")

        def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            if len({key for key, _ in pairs}) != len(pairs):
                raise wrong("has a key twice")
            return dict(pairs)

        def no_number(name: str) -> None:
            raise wrong(f"holds {name}, which is not JSON")

        try:
            fields = json.loads(
                text,
                object_pairs_hook=unique,
                parse_int=float,
                parse_constant=no_number,
            )
        except (ValueError, RecursionError):
            # The parser's own message quotes the text.
            raise wrong("is not valid JSON") from None
        if not isinstance(fields, dict):
            kind = "a list" if isinstance(fields, list) else "a single value"
            raise wrong(f"is not a JSON object but {kind}")
        if renamed := ", ".join(_misspelled(fields)):
            raise wrong(f"has a misspelled key: rename {renamed}")
        if "username" not in fields:
            raise wrong('has no "username"')
        for key in KEYS:
            without = key not in fields or (key == "password" and fields[key] is None)
            if not without and (not isinstance(fields[key], str) or not fields[key]):
                raise wrong(f'has a "{key}" that is not a text, or an empty one')
        found = cls(fields["username"], fields.get("user_arn"), fields.get("password"), text)
        if found._pattern and found._pattern.search(f"{found.username} {found.user_arn}"):
            # Its copies could not be told from the name.
            raise wrong('has a "password" that stands in its "username" or "user_arn", too')
        # The same before and after a rotation, whatever its passwords are.
        rest = len(found.with_password("").encode(errors="surrogatepass"))
        if rest + sum(map(len, found._places)) * LONGEST_PASSWORD > MAX_SECRET_BYTES:
            raise wrong(f"leaves no room for a password within {MAX_SECRET_BYTES} bytes")
        return found

    def with_password(self, password: str) -> str:
        """The SecretString with another password, wherever it holds the present one.

        Each text in it that contains the present password, plain or percent-encoded, gets the new
        one: percent-encoded in a URL with a userinfo, elsewhere as the present one stands. Every
        other byte stays.
        """
        text, end = "", 0
        for places in self._places:
            for place in places:
                text += self.text[end : place.start] + place.encode(password)
                end = place.end
        return text + self.text[end:]

    @property
    def changed_values(self) -> int:
        """How many of the secret's values another password changes."""
        return len(self._places)

    @cached_property
    def _places(self) -> list[list[_Place]]:
        """Of each value that holds the password, in the order of the text."""
        found = [self._places_in(value) for value in json_text.scalars(self.text)]
        if self.password is None and not any(found):
            found.append([_new_member(self.text)])
        return [places for places in found if places]

    def _places_in(self, value: json_text.Scalar) -> list[_Place]:
        if value.key == "password":
            return [_Place(value.start, value.end, json.dumps)]
        written = self.text[value.start : value.end]
        if value.key in KEYS or not written.startswith('"') or not self._pattern:
            return []
        if not self._pattern.search(json.loads(written)):
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
        """Finds copies of the password; None where they could be anything, or there is none."""
        if self.password is None or not is_valid(self.password):
            return None
        # Encoders differ in what they leave as it is. A "%" at the end may be one of "%25".
        return re.compile(
            "".join(f"(?:(?i:%{ord(each):02x})|{re.escape(each)})" for each in self.password)
        )


def _inside_a_string(password: str) -> str:
    return json.dumps(password)[1:-1]


def _percent_encoded(password: str) -> str:
    return quote(password, safe="")


def _new_member(text: str) -> _Place:
    end, space = json_text.place_of_new_member(text)
    return _Place(end, end, lambda password: f',{space}"password": {json.dumps(password)}')


def _misspelled(fields: dict[str, Any]) -> Iterator[str]:
    """Keys that are not known but nearly, such as ``userArn``: what to rename to what."""
    nearly = {key.lower().replace("_", "").replace("-", ""): key for key in fields}
    for key in KEYS:
        found = nearly.get(key.replace("_", ""))
        if found and key not in fields:
            yield f'"{found}" to "{key}"'
