"""The secret's text: a JSON object that names the user and holds its password."""

import json
import math
from dataclasses import dataclass, field
from typing import Any

from rotation.errors import SecretFormatError

#: Limit of a SecretString, in bytes of UTF-8 (Secrets Manager quotas, "Secret value size").
MAX_SECRET_BYTES = 65_536
#: The longest password, every character escaped, and its key.
ROOM_FOR_PASSWORD = 2 * 128 + 20
EXAMPLE = '{"username": "app", "user_arn": "arn:aws:elasticache:us-east-1:123456789012:user:app"}'


@dataclass(frozen=True)
class SecretValue:
    """A parsed SecretString, its ``text``; ``password`` is None before the first rotation."""

    username: str
    user_arn: str
    password: str | None = field(repr=False)
    fields: dict[str, Any] = field(repr=False)
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

        def finite(number: str) -> float:
            if not math.isfinite(value := float(number)):
                raise wrong("holds a number that JSON cannot write")
            return value

        try:
            fields = json.loads(
                text, object_pairs_hook=unique, parse_float=finite, parse_constant=finite
            )
            size = len(json.dumps(fields, ensure_ascii=False).encode())
        except (ValueError, RecursionError):
            # The parser's own message quotes the text.
            raise wrong("is not valid JSON") from None
        if not isinstance(fields, dict):
            raise wrong("is not a JSON object")
        for key in ("username", "user_arn"):
            if key not in fields:
                raise wrong(f'has no "{key}"')
            if not isinstance(fields[key], str) or not fields[key]:
                raise wrong(f'has a "{key}" that is not a text, or an empty one')
        password = fields.get("password")
        if password is not None and (not isinstance(password, str) or not password):
            raise wrong('has a "password" that is not a text, or an empty one')
        if size + ROOM_FOR_PASSWORD > MAX_SECRET_BYTES:
            raise wrong(f"leaves no room for a password within {MAX_SECRET_BYTES} bytes")
        return cls(fields["username"], fields["user_arn"], password, fields, text)

    def with_password(self, password: str) -> str:
        """The SecretString with another password: all other keys, their order and text are kept."""
        return json.dumps({**self.fields, "password": password}, ensure_ascii=False)
