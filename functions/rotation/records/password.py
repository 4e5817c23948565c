"""Which passwords ElastiCache accepts, and the stack's rules for new ones."""

import math
import os
import string
from dataclasses import dataclass
from typing import Any

from rotation.errors import ConfigurationError

#: Characters that ElastiCache refuses (guide, Clusters.RBAC, "Overview of setting up RBAC").
FORBIDDEN = ',"/@'
MIN_LENGTH = 16
MAX_LENGTH = 128
#: The weakest that the parameters of template.yaml allow: 16 of 32 characters.
MIN_BITS = 80

#: The characters that each argument of GetRandomPassword excludes (API reference).
_TYPES = {
    "ExcludeLowercase": string.ascii_lowercase,
    "ExcludeUppercase": string.ascii_uppercase,
    "ExcludeNumbers": string.digits,
    "ExcludePunctuation": string.punctuation,
}
_ALPHANUMERIC = string.ascii_letters + string.digits
#: By the parameter PasswordCharacters. A character that is unreserved in a URL (RFC 3986) needs no
#: escape in a shell, YAML, JSON or an .env file. Some of them expand "." and "~", so these are out.
CHARACTERS = {
    "UrlSafe": _ALPHANUMERIC + "-_",
    "Alphanumeric": _ALPHANUMERIC,
    # No backslash: JSON escapes it, so a copy inside JSON would differ.
    "All": "".join(
        character
        for character in _ALPHANUMERIC + string.punctuation
        if character not in FORBIDDEN + "\\"
    ),
}


def is_valid(password: str) -> bool:
    """Whether ElastiCache accepts the password."""
    return not why_invalid(password)


def why_invalid(password: str) -> str:
    """What ElastiCache refuses in the password, or empty; nothing of it is quoted.

    ElastiCache accepts 16 to 128 printable ASCII characters without ``, " / @``.
    """
    if password and not password[-1].isprintable():
        kind = "a line break" if password[-1] in "\r\n" else "not printable"
        return f"its last character is {kind}"
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        return f"it does not have {MIN_LENGTH} to {MAX_LENGTH} characters"
    if not (password.isascii() and password.isprintable()):
        return "one of its characters is not printable ASCII"
    if set(password) & set(FORBIDDEN):
        return "it has a comma, double quote, slash or at sign"
    return ""


@dataclass(frozen=True)
class PasswordRules:
    """The length of a new password, and the characters that it may have."""

    length: int
    characters: str

    @classmethod
    def from_env(cls) -> "PasswordRules":
        """From PASSWORD_LENGTH, PASSWORD_CHARACTERS and PASSWORD_EXCLUDE_CHARACTERS.

        Raises:
            ConfigurationError: names the variable.
        """
        length = os.environ.get("PASSWORD_LENGTH", "")
        if not length.isdecimal() or not MIN_LENGTH <= int(length) <= MAX_LENGTH:
            raise ConfigurationError(
                f"Environment variable PASSWORD_LENGTH is not a number from {MIN_LENGTH} to "
                f"{MAX_LENGTH}."
            )
        characters = CHARACTERS.get(os.environ.get("PASSWORD_CHARACTERS", ""))
        if not characters:
            raise ConfigurationError(
                f"Environment variable PASSWORD_CHARACTERS is not one of {', '.join(CHARACTERS)}."
            )
        excluded = os.environ.get("PASSWORD_EXCLUDE_CHARACTERS", "")
        left = "".join(character for character in characters if character not in excluded)
        if not left or int(length) * math.log2(len(left)) < MIN_BITS:
            raise ConfigurationError(
                "Environment variable PASSWORD_EXCLUDE_CHARACTERS leaves "
                f"{len(left)} characters, too few for a password of {length}."
            )
        return cls(int(length), left)

    def request(self) -> dict[str, Any]:
        """The arguments of GetRandomPassword."""
        arguments: dict[str, Any] = {"PasswordLength": self.length, "RequireEachIncludedType": True}
        excluded = ""
        for without_type, characters in _TYPES.items():
            unwanted = [character for character in characters if character not in self.characters]
            if len(unwanted) == len(characters):
                # AWS might refuse to require a type of which every character is excluded.
                arguments[without_type] = True
            else:
                excluded += "".join(unwanted)
        return arguments | ({"ExcludeCharacters": excluded} if excluded else {})
