"""The failure that a Catch passes on, as a sentence."""

import json

import pytest

from rotation.records.failure import Failure

FROM_LAMBDA = {"errorMessage": "User app is off.", "errorType": "AnError", "stackTrace": []}
WITHOUT_CAUSE = "A state failed with AnError and gave no cause."


@pytest.mark.parametrize(
    "cause, sentence",
    [
        (json.dumps(FROM_LAMBDA), "User app is off."),
        *((text, text) for text in ("Its status is deleting.", "{not JSON", '["a list"]')),
        *((text, text) for text in ('"a text"', "12", '{"another": "object"}')),
        (None, WITHOUT_CAUSE),
        ("", WITHOUT_CAUSE),
        ('{"errorMessage": null}', WITHOUT_CAUSE),
    ],
)
def test_the_sentence_is_the_error_message_or_the_cause(cause: str | None, sentence: str) -> None:
    caught = {"Error": "AnError", **({} if cause is None else {"Cause": cause})}
    assert Failure.from_catch(caught) == Failure("AnError", sentence)


def test_a_failure_without_anything_still_says_something() -> None:
    failure = Failure.from_catch({})
    assert failure.error
    assert failure.sentence
