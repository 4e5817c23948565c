"""An execution's input, as it is read."""

import pytest

from rotation.errors import InvalidInputError, SecretFormatError
from rotation.records.execution_input import ExecutionInput


@pytest.mark.parametrize(
    "data,expected",
    [
        ({"SecretId": "s"}, ExecutionInput("s")),
        ({"SecretId": "s", "DryRun": True}, ExecutionInput("s", dry_run=True)),
        (
            {"SecretId": "s", "ReplaceUnknownPassword": True},
            ExecutionInput("s", replace_unknown_password=True),
        ),
        (
            {"SecretId": "s", "ClientRequestToken": "t" * 32, "Attempt": 2},
            ExecutionInput("s", token="t" * 32),
        ),
    ],
)
def test_an_input_is_read(data: object, expected: ExecutionInput) -> None:
    assert ExecutionInput.parse(data) == expected


@pytest.mark.parametrize(
    "data,problem",
    [
        (None, "not a JSON object"),
        ([], "not a JSON object"),
        ("secret", "not a JSON object"),
        ({}, 'no "SecretId"'),
        ({"Comment": "Insert your JSON here"}, '"Comment" that is not known'),
        ({"secretId": "s"}, '"secretId" that is not known'),
        ({"SecretId": "s", "Password": "x"}, '"Password" that is not known'),
        ({"SecretId": ""}, '"SecretId" of the wrong type'),
        ({"SecretId": 1}, '"SecretId" of the wrong type'),
        ({"SecretId": "s\ud800"}, '"SecretId" with characters that do not print'),
        ({"SecretId": "s", "DryRun": "false"}, '"DryRun" of the wrong type'),
        ({"SecretId": "s", "DryRun": 0}, '"DryRun" of the wrong type'),
        ({"SecretId": "s", "DryRun": None}, '"DryRun" of the wrong type'),
        ({"SecretId": "s", "ReplaceUnknownPassword": 1}, '"ReplaceUnknownPassword" of the wrong'),
        ({"SecretId": "s", "Attempt": True}, '"Attempt" of the wrong type'),
        ({"SecretId": "s", "ClientRequestToken": "t" * 31}, "32 to 64"),
        ({"SecretId": "s", "ClientRequestToken": "t" * 65}, "32 to 64"),
        ({"SecretId": "s", "CreateSecretError": "E"}, '"CreateSecretError" of the wrong type'),
        *(
            ({"SecretId": "s", "CreateSecretError": each}, '"CreateSecretError" that is none')
            for each in (
                {},
                {"Error": "SecretFormatError"},
                {"Cause": "c"},
                {"Error": "ValueError", "Cause": "c"},
                {"Error": ["SecretFormatError"], "Cause": "c"},
            )
        ),
    ],
)
def test_a_bad_input_is_refused_by_its_key_with_what_is_accepted(
    data: object, problem: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        ExecutionInput.parse(data)
    assert problem in str(caught.value)
    for accepted in (
        '"SecretId": "<name or ARN',
        '"DryRun": true',
        '"ReplaceUnknownPassword": true',
    ):
        assert accepted in str(caught.value)


def test_what_create_secret_has_met_is_read_by_its_name() -> None:
    met = {"Error": "SecretFormatError", "Cause": "It is no JSON."}
    error = ExecutionInput.parse({"SecretId": "s", "CreateSecretError": met}).create_secret_error
    assert type(error) is SecretFormatError
    assert str(error) == "It is no JSON."


def test_a_long_unknown_key_is_cut() -> None:
    with pytest.raises(InvalidInputError) as caught:
        ExecutionInput.parse({"k" * 1000: 1})
    assert len(str(caught.value)) < 500
