"""The secret's text."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rotation.errors import SecretFormatError
from rotation.records.password import MAX_LENGTH
from rotation.records.secret import EXAMPLE, MAX_SECRET_BYTES, SecretValue
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
    assert (value.user_arn or "").endswith(":user:app")
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
        ("rediss://app:P@h:6379/0", "not valid JSON"),
        ('{"username": "a", "user_arn": "b", "n": NaN}', "NaN, which is not JSON"),
        ('{"username": "a", "user_arn": "b", "n": -Infinity}', "-Infinity, which is not JSON"),
        ('{"username": "a", "username": "a", "user_arn": "b"}', "twice"),
        ('{"username": "a", "user_arn": "b", "more": {"x": 1, "x": 2}}', "twice"),
        (' [{"username": "a", "user_arn": "b"}]', "a list"),
        ('"text"', "a single value"),
        ("null", "a single value"),
        ('{"user_arn": "b"}', 'no "username"'),
        (
            '{"userName": "a", "user-arn": "b", "Password": "c"}',
            'rename "userName" to "username", "user-arn" to "user_arn", "Password" to "password"',
        ),
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


def test_a_key_beside_the_one_that_is_meant_may_have_any_spelling() -> None:
    assert parse(secret_text(CURRENT_PASSWORD, PASSWORD="x")).password == CURRENT_PASSWORD


def test_a_secret_without_room_for_a_password_is_refused() -> None:
    def room(*copies: str) -> int:
        longest = 3 * MAX_LENGTH * (1 + len(copies))
        rest = secret_text(CURRENT_PASSWORD, note="", copies=copies)
        return MAX_SECRET_BYTES - longest - len(rest.replace(CURRENT_PASSWORD, ""))

    for copies in ([], [f"rediss://a:{CURRENT_PASSWORD}@h"] * 3):
        fits = secret_text(CURRENT_PASSWORD, note="x" * room(*copies), copies=copies)
        after = parse(fits).with_password("?" * MAX_LENGTH)
        assert len(after.encode()) == MAX_SECRET_BYTES - 2 * MAX_LENGTH
        # Whatever its passwords are: a version that was made can be read.
        assert parse(after).with_password(CURRENT_PASSWORD) == fits
        with pytest.raises(SecretFormatError, match="no room"):
            parse(fits.replace('"note": "', '"note": "x'))


def test_the_room_is_counted_in_bytes_of_utf8() -> None:
    with pytest.raises(SecretFormatError, match="no room"):
        parse(json.dumps({"username": "a", "note": "ü" * 33_000}, ensure_ascii=False))


def test_a_value_does_not_show_its_password_or_its_text() -> None:
    assert_no_leak([CURRENT_PASSWORD], answer=parse(secret_text(CURRENT_PASSWORD)))


P, NEW = "old%pass-word+16", "new pa$$:w\\rd#16"
JSON_P, JSON_NEW = "old%pass-word+16", "new pa$$:w\\\\rd#16"
URL_P, URL_NEW = "old%25pass-word%2B16", "new%20pa%24%24%3Aw%5Crd%2316"
APP = '{"username": "app", "user_arn": "b", "password": "' + JSON_P + '"'


@pytest.mark.parametrize(
    "before,after,values",
    [
        pytest.param(
            APP + ', "timeout": 1.50, "tiny": 1e-400, "big": 12345678901234567890.5}',
            None,
            1,
            id="numbers as they are spelled",
        ),
        pytest.param(
            APP + ',\r\n\t"nested" :{"a":[ 1,2 ]},"\\u00fc\\/": "日本\\ud83d\\ude00\\/"\r\n}\r\n',
            None,
            1,
            id="layout and escapes",
        ),
        pytest.param(
            APP + f', "url": "rediss://app:{JSON_P}@h:6379/0", "REDIS_PASSWORD": "{JSON_P}"}}',
            f', "url": "rediss://app:{URL_NEW}@h:6379/0", "REDIS_PASSWORD": "{JSON_NEW}"}}',
            3,
            id="a URL and a plain copy",
        ),
        pytest.param(
            APP + f', "services": {{"cache": [{{"dsn": "rediss://app:{URL_P}@h/1"}}, 1]}}}}',
            f', "services": {{"cache": [{{"dsn": "rediss://app:{URL_NEW}@h/1"}}, 1]}}}}',
            2,
            id="deeper, percent-encoded",
        ),
        pytest.param(
            APP + ', "php": "rediss:\\/\\/:old%25pass-word%2b16@h\\/\\u0030"}',
            f', "php": "rediss:\\/\\/:{URL_NEW}@h\\/\\u0030"}}',
            2,
            id="escaped slashes, other hex digits",
        ),
        pytest.param(
            APP + ', "escaped": "\\u006fld%pass-word+16!"}',
            f', "escaped": "{JSON_NEW}!"}}',
            2,
            id="an escaped letter of the password",
        ),
        pytest.param(
            APP + f', "env": "A={JSON_P}\\nURL=rediss://:{JSON_P}@h?p={URL_P}\\nB={URL_P}"}}',
            f', "env": "A={JSON_NEW}\\nURL=rediss://:{URL_NEW}@h?p={URL_NEW}\\nB={URL_NEW}"}}',
            2,
            id="several in one text",
        ),
        pytest.param(
            APP + f', "dsn": "rediss://app:{JSON_P}@${{H}}:1,h:2/0?x=a;password={JSON_P}",'
            f" \"sh\": \"A='rediss://app:{JSON_P}@h';B='{JSON_P}'\"}}",
            f', "dsn": "rediss://app:{URL_NEW}@${{H}}:1,h:2/0?x=a;password={URL_NEW}",'
            f" \"sh\": \"A='rediss://app:{URL_NEW}@h';B='{JSON_NEW}'\"}}",
            3,
            id="a plain copy behind a URL",
        ),
        pytest.param(
            APP
            + f', "doc": "{{\\"at\\":\\"https://h:1\\",\\"p\\":\\"{JSON_P}\\",\\"m\\":\\"a@b\\"}}"}}',
            f', "doc": "{{\\"at\\":\\"https://h:1\\",\\"p\\":\\"{JSON_NEW}\\",\\"m\\":\\"a@b\\"}}"}}',
            2,
            id="JSON in a text",
        ),
        pytest.param(
            APP + f', "other": {{"password": "another\'s", "username": "{JSON_P}"}}, "n": 1}}',
            f', "other": {{"password": "another\'s", "username": "{JSON_NEW}"}}, "n": 1}}',
            2,
            id="keys of the same names, deeper",
        ),
        pytest.param(
            APP + f', "query": "rediss://h?password={URL_P}", "at": "https://x/{JSON_P}"}}',
            f', "query": "rediss://h?password={URL_NEW}", "at": "https://x/{JSON_NEW}"}}',
            3,
            id="URLs without a userinfo",
        ),
        pytest.param(
            APP + f', "{JSON_P}": 1, "note": "old%pass-word+1"}}',
            None,
            1,
            id="keys, and a part of it, are no copies",
        ),
    ],
)
def test_copies_of_the_password_follow_and_every_other_byte_stays(
    before: str, after: str | None, values: int
) -> None:
    value = parse(before)
    expected = APP.replace(JSON_P, JSON_NEW) + (
        before.removeprefix(APP) if after is None else after
    )
    assert value.with_password(NEW) == expected
    assert value.changed_values == values


@pytest.mark.parametrize("names", [(f"{P}-2", "b"), ("a", f"arn:aws:elasticache:::user:{P}")])
def test_a_password_whose_copies_could_be_the_users_name_is_refused(names: tuple[str, str]) -> None:
    text = json.dumps({"username": names[0], "user_arn": names[1], "password": P})
    with pytest.raises(SecretFormatError, match='"password" that stands in its "username"'):
        parse(text)


@pytest.mark.parametrize("end", ["%", "%2", "%25", "%%", "%7"])
def test_a_password_may_end_like_an_escape(end: str) -> None:
    old = f"fifteen-letters{end}"

    def text(password: str) -> str:
        encoded = quote(password, safe="")
        return json.dumps(
            {
                "username": "a",
                "password": password,
                "url": f"rediss://a:{encoded}@h?p={encoded}&x=1",
                "plain": f"{password} {encoded}",
            }
        )

    assert parse(text(old)).with_password(NEW) == text(NEW)
    assert parse(text(NEW)).with_password(old) == text(old)


def test_a_password_that_is_not_valid_has_no_copies() -> None:
    for password in ("\ud800" * 20, "x" * 20_000, "with,a,comma,in,it"):
        text = json.dumps({"username": "a", "password": password, "copy": password})
        assert parse(text).changed_values == 1


def test_copies_of_a_password_that_is_too_short_to_be_told_apart_are_left() -> None:
    text = json.dumps({"username": "a", "password": "app", "host": "app.example.com"})
    assert parse(text).with_password(NEW).endswith('"host": "app.example.com"}')


@pytest.mark.parametrize(
    "before,after",
    [
        (
            '{"username": "a", "user_arn": "b"}',
            '{"username": "a", "user_arn": "b", "password": "N"}',
        ),
        ('{"username":"a","n":{"x": 1}}\n', '{"username":"a","n":{"x": 1},"password": "N"}\n'),
        ('{\n  "username": "a"\n}', '{\n  "username": "a",\n  "password": "N"\n}'),
        ('{"password": null, "username": "a"}', '{"password": "N", "username": "a"}'),
    ],
)
def test_the_first_password_gets_its_place(before: str, after: str) -> None:
    assert parse(before).with_password("N") == after
    assert parse(before).changed_values == 1


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
