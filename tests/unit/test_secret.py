"""The secret's text."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotation.errors import SecretFormatError
from rotation.records.password import MAX_LENGTH
from rotation.records.secret import EXAMPLE, MAX_SECRET_BYTES, SecretValue
from tests.unit.leaks import assert_no_leak, texts_of
from tests.unit.values import CURRENT_PASSWORD, USER_ARN, USERNAME, secret_text

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


@pytest.mark.parametrize(
    "text, password",
    [
        (secret_text(CURRENT_PASSWORD), CURRENT_PASSWORD),
        # A key beside the one that is meant may have any spelling.
        (secret_text(CURRENT_PASSWORD, PASSWORD="x"), CURRENT_PASSWORD),
        (secret_text(None), None),
        (EXAMPLE.replace("}", ', "password": null}'), None),
        (EXAMPLE, None),
    ],
)
def test_a_secret_is_read_and_does_not_show_its_password(text: str, password: str | None) -> None:
    value = parse(text)
    assert (value.username, value.password) == (USERNAME, password)
    assert (value.user_arn or "").startswith("arn:aws:elasticache:")
    assert_no_leak([CURRENT_PASSWORD], answer=value)


@pytest.mark.parametrize(
    "text,problem",
    [
        ("not JSON", "not valid JSON"),
        ("\ufeff" + EXAMPLE, "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("rediss://app:P@h:6379/0", "not valid JSON"),
        ('{"username": "a", "user_arn": "b", "n": -Infinity}', "-Infinity, which is not JSON"),
        ('{"username": "a", "username": "a", "user_arn": "b"}', "twice"),
        ('{"username": "a", "user_arn": "b", "more": {"x": 1, "x": 2}}', "twice"),
        (' [{"username": "a", "user_arn": "b"}]', "a list"),
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
    ],
)
def test_a_bad_secret_is_refused_by_what_is_wrong_with_it(text: str, problem: str) -> None:
    with pytest.raises(SecretFormatError) as caught:
        parse(text)
    assert problem in str(caught.value)
    assert str(caught.value).startswith(WHERE)
    assert EXAMPLE in str(caught.value)


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
            parse(fits.replace('"note": "x', '"note": "ü'))


P, NEW = "old%pass-word+16", "new pa$$:w\\rd#16"
JSON_NEW, URL_NEW = "new pa$$:w\\\\rd#16", "new%20pa%24%24%3Aw%5Crd%2316"
#: How the old password is spelled, and the new one in its place.
SPELLINGS = {
    "<plain>": (P, JSON_NEW),
    "<escaped>": ("\\u006fld%pass-word+16", JSON_NEW),
    "<in-url>": (P, URL_NEW),
    "<encoded>": ("old%25pass-word%2B16", URL_NEW),
    "<lowercase>": ("old%25pass-word%2b16", URL_NEW),
}
APP = '{"username": "app", "user_arn": "b", "password": "<plain>"'


@pytest.mark.parametrize(
    "values, text",
    [
        # Numbers keep their spelling, and all text its layout and escapes.
        (1, ', "timeout": 1.50, "tiny": 1e-400, "big": 12345678901234567890.5}'),
        (1, ',\r\n\t"nested" :{"a":[ 1,2 ]},"\\u00fc\\/": "日本\\ud83d\\ude00\\/"\r\n}\r\n'),
        (3, ', "url": "rediss://app:<in-url>@h:6379/0", "REDIS_PASSWORD": "<plain>"}'),
        (2, ', "services": {"cache": [{"dsn": "rediss://app:<encoded>@h/1"}, 1]}}'),
        (2, ', "php": "rediss:\\/\\/:<lowercase>@h\\/\\u0030"}'),
        (2, ', "escaped": "<escaped>!"}'),
        (2, ', "env": "A=<plain>\\nURL=rediss://:<in-url>@h?p=<encoded>\\nB=<encoded>"}'),
        (2, ', "dsn": "rediss://app:<in-url>@${H}:1,h:2/0?x=a;password=<in-url>"}'),
        (2, ", \"sh\": \"A='rediss://app:<in-url>@h';B='<plain>'\"}"),
        (2, ', "doc": "{\\"at\\":\\"https://h:1\\",\\"p\\":\\"<plain>\\",\\"m\\":\\"a@b\\"}"}'),
        (2, ', "other": {"password": "another\'s", "username": "<plain>"}, "n": 1}'),
        (3, ', "query": "rediss://h?password=<encoded>", "at": "https://x/<plain>"}'),
        # A part of the password is no copy.
        (1, ', "note": "old%pass-word+1"}'),
    ],
)
def test_copies_of_the_password_follow_and_every_other_byte_stays(values: int, text: str) -> None:
    before = after = APP + text
    for spelling, (old, new) in SPELLINGS.items():
        before, after = before.replace(spelling, old), after.replace(spelling, new)
    value = parse(before)
    assert value.with_password(NEW) == after
    assert value.changed_values == values


def test_a_key_is_no_copy() -> None:
    text = json.dumps({"username": "a", P: 1, "password": P})
    assert parse(text).with_password(NEW) == json.dumps({"username": "a", P: 1, "password": NEW})


@pytest.mark.parametrize("names", [(f"{P}-2", "b"), ("a", f"arn:aws:elasticache:::user:{P}")])
def test_a_password_whose_copies_could_be_the_users_name_is_refused(names: tuple[str, str]) -> None:
    text = json.dumps({"username": names[0], "user_arn": names[1], "password": P})
    with pytest.raises(SecretFormatError, match='"password" that is part of its "username"'):
        parse(text)


@pytest.mark.parametrize("end", ["%", "%2", "%25", "%%", "%7"])
def test_a_password_may_end_like_an_escape(end: str) -> None:
    def text(password: str) -> str:
        encoded = quote(password, safe="")
        copies = [f"rediss://a:{encoded}@h?p={encoded}&x=1", f"{password} {encoded}"]
        return json.dumps({"username": "a", "password": password, "copies": copies})

    old = f"fifteen-letters{end}"
    assert parse(text(old)).with_password(NEW) == text(NEW)
    assert parse(text(NEW)).with_password(old) == text(old)


@pytest.mark.parametrize(
    "password", ["\ud800" * 20, "x" * 20_000, "with,a,comma,in,it", "too short"]
)
def test_a_password_that_elasticache_would_refuse_has_no_copies(password: str) -> None:
    text = json.dumps({"username": "a", "password": password, "copy": password})
    assert parse(text).changed_values == 1


@pytest.mark.parametrize(
    "before,after",
    [
        (
            '{"username": "a", "user_arn": "b"}',
            '{"username": "a", "user_arn": "b", "password": "N"}',
        ),
        ('{"username": "a", "n":{"x": 1}}\n', '{"username": "a", "n":{"x": 1}, "password": "N"}\n'),
        ('{\n  "username": "a"\n}', '{\n  "username": "a",\n  "password": "N"\n}'),
        ('{"password": null, "username": "a"}', '{"password": "N", "username": "a"}'),
    ],
)
def test_the_first_password_gets_its_place(before: str, after: str) -> None:
    assert parse(before).with_password("N") == after
    assert parse(before).changed_values == 1


@given(
    more=st.dictionaries(TEXT.filter(lambda key: key != "password"), JSON, max_size=6),
    old=st.sampled_from([None, "the old password"]),
    new=TEXT.filter(bool),
    place=st.integers(0, 6),
)
def test_another_password_keeps_all_other_keys_their_order_and_text(
    more: dict[str, Any], old: str | None, new: str, place: int
) -> None:
    keys = list({**more, "username": "", "user_arn": ""}.items())
    keys.insert(place % (len(keys) + 1), ("password", old))
    before = dict(keys) | {"username": "Jürgen", "user_arn": USER_ARN}
    after = parse(json.dumps(before)).with_password(new)
    assert json.loads(after) == before | {"password": new}
    assert list(json.loads(after)) == list(before)
    assert parse(after).password == new


@given(
    fields=st.dictionaries(
        st.sampled_from(["username", "user_arn", "password", "note"]), JSON, max_size=4
    ),
    cut=st.integers(0, 400),
    twice=st.booleans(),
)
def test_an_error_of_parsing_repeats_no_value(
    fields: dict[str, Any], cut: int, twice: bool
) -> None:
    text = json.dumps({key: marked(value) for key, value in fields.items()})
    if twice:
        text = text[:-1] + ', "note": "MARK", "note": "MARK"}'
    refusal = None
    try:
        parse(text[: max(1, len(text) - cut)])
    except SecretFormatError as error:
        refusal = error
    assert refusal is None or not any("MARK" in part for part in texts_of(refusal))


def marked(value: Any) -> Any:
    """The same value, with a mark in each text of it."""
    match value:
        case str():
            return f"MARK{value}MARK"
        case list():
            return [marked(each) for each in value]
        case dict():
            return {f"MARK{key}": marked(each) for key, each in value.items()}
    return value
