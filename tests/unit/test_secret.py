"""The secret's text."""

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rotation.errors import SecretFormatError
from rotation.secret import EXAMPLE, MAX_SECRET_BYTES, ROOM_FOR_PASSWORD, SecretValue
from tests.unit.fakes import CURRENT_PASSWORD, USER_ARN, USERNAME, secret_text
from tests.unit.leaks import assert_no_leak, told_by

WHERE = "Version v of secret s"

#: Text that UTF-8 can hold: no lone surrogates.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def parse(text: str) -> SecretValue:
    return SecretValue.parse(text, WHERE)


def test_the_example_that_errors_show_is_a_valid_secret() -> None:
    value = parse(EXAMPLE)
    assert value.username == "app"
    assert value.user_arn.endswith(":user:app")
    assert value.password is None


def test_a_secret_with_a_password_is_read() -> None:
    value = parse(secret_text(CURRENT_PASSWORD))
    assert (value.username, value.user_arn, value.password) == (
        USERNAME,
        USER_ARN,
        CURRENT_PASSWORD,
    )


def test_a_password_that_is_null_is_none_yet() -> None:
    assert parse(json.dumps({"username": "a", "user_arn": "b", "password": None})).password is None


@pytest.mark.parametrize(
    "text,problem",
    [
        ("", "not valid JSON"),
        ("not JSON", "not valid JSON"),
        ('{"username": "a", "user_arn": "b"', "not valid JSON"),
        ("\ufeff" + EXAMPLE, "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ('{"username": "a", "user_arn": "b", "n": ' + "1" * 5_000 + "}", "not valid JSON"),
        ('{"username": "\ud800", "user_arn": "b"}', "not valid JSON"),
        ('{"username": "a", "user_arn": "b", "n": NaN}', "JSON cannot write"),
        ('{"username": "a", "user_arn": "b", "n": -Infinity}', "JSON cannot write"),
        ('{"username": "a", "username": "a", "user_arn": "b"}', "twice"),
        ('{"username": "a", "user_arn": "b", "more": {"x": 1, "x": 2}}', "twice"),
        ('["username", "user_arn"]', "not a JSON object"),
        ('"text"', "not a JSON object"),
        ("null", "not a JSON object"),
        ('{"user_arn": "b"}', 'no "username"'),
        ('{"username": "a"}', 'no "user_arn"'),
        ('{"username": 1, "user_arn": "b"}', '"username"'),
        ('{"username": "", "user_arn": "b"}', '"username"'),
        ('{"username": "a", "user_arn": null}', '"user_arn"'),
        ('{"username": "a", "user_arn": "b", "password": 12}', '"password"'),
        ('{"username": "a", "user_arn": "b", "password": ""}', '"password"'),
        ('{"username": "a", "user_arn": "b", "password": ["x"]}', '"password"'),
    ],
)
def test_a_bad_secret_is_refused_by_what_is_wrong_with_it(text: str, problem: str) -> None:
    with pytest.raises(SecretFormatError) as caught:
        parse(text)
    assert problem in str(caught.value)
    assert str(caught.value).startswith(WHERE)
    assert EXAMPLE in str(caught.value)


def test_an_escaped_lone_surrogate_is_refused_by_name() -> None:
    text = secret_text(CURRENT_PASSWORD, note="\ud800")
    assert "\\ud800" in text
    with pytest.raises(SecretFormatError) as caught:
        parse(text)
    assert_no_leak([CURRENT_PASSWORD], error=caught.value)


@pytest.mark.parametrize("number", ["1e400", "-1e400"])
def test_a_number_that_cannot_be_written_again_is_refused(number: str) -> None:
    with pytest.raises(SecretFormatError):
        parse(secret_text(None, n="NUMBER").replace('"NUMBER"', number))


def test_a_secret_without_room_for_a_password_is_refused() -> None:
    room = MAX_SECRET_BYTES - ROOM_FOR_PASSWORD - len(secret_text(None, note="").encode())
    assert parse(secret_text(None, note="x" * room)).password is None
    with pytest.raises(SecretFormatError, match="no room"):
        parse(secret_text(None, note="x" * (room + 1)))


@pytest.mark.parametrize("password", [None, CURRENT_PASSWORD])
def test_the_longest_password_with_every_character_escaped_fits_into_the_room(
    password: str | None,
) -> None:
    room = MAX_SECRET_BYTES - ROOM_FOR_PASSWORD - len(secret_text(password, note="").encode())
    after = parse(secret_text(password, note="x" * room)).with_password("\\" * 128)
    assert len(after.encode()) <= MAX_SECRET_BYTES


def test_the_room_is_counted_in_bytes_of_utf8() -> None:
    with pytest.raises(SecretFormatError, match="no room"):
        parse(json.dumps({"username": "a", "user_arn": "b", "note": "ü" * 33_000}))


def test_a_value_does_not_show_its_password_or_its_fields() -> None:
    assert_no_leak([CURRENT_PASSWORD], answer=parse(secret_text(CURRENT_PASSWORD)))


@given(
    more=st.dictionaries(TEXT.filter(lambda key: key != "password"), JSON, max_size=6),
    password=TEXT.filter(bool),
    place=st.integers(0, 6),
)
def test_another_password_keeps_all_other_keys_their_order_and_text(
    more: dict[str, Any], password: str, place: int
) -> None:
    keys = list({**more, "username": "", "user_arn": ""}.items())
    keys.insert(place % (len(keys) + 1), ("password", "the old password"))
    before = dict(keys) | {"username": "Jürgen", "user_arn": USER_ARN}
    after = parse(json.dumps(before)).with_password(password)
    assert json.loads(after) == before | {"password": password}
    assert list(json.loads(after)) == list(before)
    assert "Jürgen" in after


@given(more=st.dictionaries(TEXT, JSON, max_size=6), password=TEXT.filter(bool))
def test_what_is_written_can_be_read_again(more: dict[str, Any], password: str) -> None:
    fields = more | {"username": "a", "user_arn": "b", "password": None}
    assert parse(parse(json.dumps(fields)).with_password(password)).password == password


@given(
    fields=st.dictionaries(
        st.sampled_from(["username", "user_arn", "password", "note"]), JSON, max_size=4
    ),
    cut=st.integers(0, 400),
    twice=st.booleans(),
)
def test_no_error_of_parsing_ever_tells_a_value_of_the_secret(
    fields: dict[str, Any], cut: int, twice: bool
) -> None:
    marked = {key: _marked(value) for key, value in fields.items()}
    text = json.dumps(marked)
    if twice:
        text = text[:-1] + ', "note": "MARK", "note": "MARK"}'
    text = text[: max(1, len(text) - cut)]
    error = _refusal(text)
    assume(error is not None)
    assert error is not None
    assert not any("MARK" in told for told in told_by(error))


def _refusal(text: str) -> SecretFormatError | None:
    try:
        parse(text)
    except SecretFormatError as error:
        return error
    return None


def _marked(value: Any) -> Any:
    """The same value, with a mark in each text of it."""
    if isinstance(value, str):
        return f"MARK{value}MARK"
    if isinstance(value, list):
        return [_marked(each) for each in value]
    if isinstance(value, dict):
        return {f"MARK{key}": _marked(each) for key, each in value.items()}
    return value
