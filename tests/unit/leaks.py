"""Finding a password where none may be."""

import base64
import json
import traceback
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote


def told_by(error: BaseException) -> Iterator[str]:
    """All text by which an exception, or one that it was raised from, tells something."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield str(found)
        yield repr(found)
        yield repr(found.args)
        yield repr(vars(found))
        yield from map(str, getattr(found, "__notes__", ()))
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
    yield "".join(traceback.format_exception(error))


def forms_of(password: str) -> set[str]:
    """The ways in which the password is still the password."""
    return {
        password,
        repr(password)[1:-1],
        json.dumps(password)[1:-1],
        quote(password, safe=""),
        base64.b64encode(password.encode()).decode().rstrip("="),
        password.encode().hex(),
    }


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
        "exception": list(told_by(error)) if error else [],
        "output": [output],
    }
    for password in passwords:
        for form in forms_of(password):
            for place, texts in places.items():
                assert not any(form in text for text in texts), f"a password is in the {place}"
