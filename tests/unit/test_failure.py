"""What a Catch hands on, as a sentence."""

import json
from typing import Any

import pytest

from rotation.records.failure import Failure


def test_the_cause_of_a_function_is_its_error_message() -> None:
    cause = {"errorMessage": "User app is off.", "errorType": "UserDisabledError", "stackTrace": []}
    failure = Failure.from_catch({"Error": "UserDisabledError", "Cause": json.dumps(cause)})
    assert failure == Failure("UserDisabledError", "User app is off.")


@pytest.mark.parametrize(
    "cause",
    [
        "User app has status deleting while its password is being changed.",
        "{not JSON",
        '["a list"]',
        '"a text"',
        "12",
        '{"another": "object"}',
    ],
)
def test_another_cause_is_told_as_it_is(cause: str) -> None:
    assert Failure.from_catch({"Error": "E", "Cause": cause}).sentence == cause


@pytest.mark.parametrize(
    "caught",
    [
        {"Error": "States.Timeout"},
        {"Error": "States.Timeout", "Cause": ""},
        {"Error": "States.Timeout", "Cause": '{"errorMessage": null}'},
    ],
)
def test_without_a_cause_the_error_is_told(caught: dict[str, Any]) -> None:
    failure = Failure.from_catch(caught)
    assert failure.error == "States.Timeout"
    assert failure.sentence == "A state failed with States.Timeout and gave no cause."


def test_without_anything_it_still_says_something() -> None:
    failure = Failure.from_catch({})
    assert failure.error
    assert failure.sentence
