"""An execution's input."""

from typing import Any

import pytest

from rotation.errors import InvalidInputError, SecretFormatError
from rotation.records.execution_input import ExecutionInput

TOKEN = "t" * 32


@pytest.mark.parametrize(
    "data, expected",
    [
        ({}, {}),
        ({"DryRun": True}, {"dry_run": True}),
        ({"ReplaceUnknownPassword": True}, {"replace_unknown_password": True}),
        ({"ClientRequestToken": TOKEN, "Attempt": 2}, {"version_id": TOKEN}),
    ],
)
def test_an_input_is_read(data: dict[str, Any], expected: dict[str, Any]) -> None:
    assert ExecutionInput.parse({"SecretId": "s", **data}) == ExecutionInput("s", **expected)


def test_an_error_of_create_secret_is_read_as_its_class() -> None:
    failed = {"Error": "SecretFormatError", "Cause": "It is not JSON."}
    error = ExecutionInput.parse({"SecretId": "s", "CreateSecretError": failed}).create_secret_error
    assert type(error) is SecretFormatError
    assert str(error) == "It is not JSON."


@pytest.mark.parametrize(
    "data, problem",
    [
        (None, "not a JSON object"),
        ([], "not a JSON object"),
        ({}, 'no "SecretId"'),
        *(
            ({key: "x"}, f'"{key}" that is not known')
            for key in ("Comment", "secretId", "Password")
        ),
        *(
            ({"SecretId": "s", key: value}, f'"{key}" that is not ')
            for key, value in (
                ("SecretId", ""),
                ("SecretId", 1),
                ("DryRun", "false"),
                ("DryRun", 0),
                ("DryRun", None),
                ("ReplaceUnknownPassword", 1),
                ("Attempt", True),
                ("CreateSecretError", "E"),
            )
        ),
        ({"SecretId": "s\ud800"}, '"SecretId" with characters that do not print'),
        ({"SecretId": "s", "ClientRequestToken": "t" * 31}, "32 to 64"),
        ({"SecretId": "s", "ClientRequestToken": "t" * 65}, "32 to 64"),
        *(
            (
                {"SecretId": "s", "CreateSecretError": failed},
                '"CreateSecretError" without a known "Error"',
            )
            for failed in (
                {},
                {"Error": "SecretFormatError"},
                {"Cause": "c"},
                {"Error": "ValueError", "Cause": "c"},
                {"Error": ["SecretFormatError"], "Cause": "c"},
            )
        ),
    ],
)
def test_an_invalid_input_is_refused_with_what_is_accepted(data: object, problem: str) -> None:
    with pytest.raises(InvalidInputError, match=problem) as caught:
        ExecutionInput.parse(data)
    for accepted in ('"SecretId": "<name or ARN', '"DryRun": true', '"ReplaceUnknownPassword": tr'):
        assert accepted in str(caught.value)


def test_a_long_unknown_key_is_cut() -> None:
    with pytest.raises(InvalidInputError) as caught:
        ExecutionInput.parse({"k" * 1000: 1})
    assert len(str(caught.value)) < 500
