"""Finding a password, or a RotationToken, where none may be."""

import base64
import json
import traceback
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from hashlib import sha256
from typing import Any
from urllib.parse import quote, quote_plus


def texts_of(error: BaseException) -> Iterator[str]:
    """All text of an exception, and of those that it was raised from."""
    seen: set[int] = set()
    raised: BaseException | None = error
    while raised is not None and id(raised) not in seen:
        seen.add(id(raised))
        yield str(raised)
        yield repr(raised)
        # With the notes.
        yield repr(vars(raised))
        raised = raised.__cause__ or (None if raised.__suppress_context__ else raised.__context__)
    yield "".join(traceback.format_exception(error))


@cache
def forms_of(password: str) -> frozenset[str]:
    """The password as other tools write it, and its hash, which is as good in an ACL.

    JSON may be text in JSON, as a function's error is in the cause that a Catch keeps.
    """
    raw = password.encode()
    escaped = [password]
    for _ in range(3):
        escaped.append(json.dumps(escaped[-1])[1:-1])
    return frozenset(
        {
            *escaped,
            repr(password)[1:-1],
            quote(password, safe=""),
            quote_plus(password),
            *(_base64_of(raw, before) for before in range(3)),
            raw.hex(),
            sha256(raw).hexdigest(),
        }
    )


def _base64_of(raw: bytes, before: int) -> str:
    """The characters that stand for these bytes alone, after so many others."""
    text = base64.b64encode(bytes(before) + raw).decode()
    return text[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]


def found_in(passwords: Iterable[str], places: Mapping[str, Iterable[str]]) -> list[str]:
    """The places with a text that holds a password in any form."""
    forms = [form for password in passwords for form in forms_of(password)]
    return [
        place
        for place, texts in places.items()
        if any(form in text for text in texts for form in forms)
    ]


def assert_no_leak(
    passwords: Iterable[str],
    *,
    answer: Any = None,
    error: BaseException | None = None,
    output: str = "",
) -> None:
    """Fails where an answer, an exception or a log holds one of the passwords."""
    places = {
        "answer": [repr(answer), json.dumps(answer, default=repr)],
        "exception": list(texts_of(error)) if error else [],
        "output": [output],
    }
    leaks = found_in(passwords, places)
    assert not leaks, f"a password is in the {', '.join(leaks)}"
