"""What a rotation does in each reading of AWS's documents, with a function that is a fake."""

import uuid
from collections.abc import Callable

import pytest

from tests.local.service import (
    DAILY,
    FIRST,
    FUNCTION,
    ITSELF,
    NAME,
    OTHER,
    PERSON,
    SECOND,
    STEPS,
    THIRD,
    Service,
    fail,
    refusal,
)

Change = Callable[[Service], None]
Step = Callable[[dict[str, str]], object]


def foreign(service: Service, token: str = SECOND) -> str:
    arn = service.described()["ARN"]
    return (
        f"Pending secret version {token} for Secret {arn} was not created by Lambda {FUNCTION}. "
        "Remove the AWSPENDING staging label and restart rotation"
    )


# Events


def test_every_event_has_a_rotation_token_of_its_own(service: Service) -> None:
    service.functions.does["testSecret"] = fail
    service.assume(attempts=2)
    service.rotate()
    assert service.functions.steps == STEPS[:3] * 2
    assert all(
        event.keys() == {"Step", "SecretId", "ClientRequestToken", "RotationToken"}
        for event in service.functions.events
    )
    tokens = {event["RotationToken"] for event in service.functions.events}
    assert len(tokens) == 6
    assert all(str(uuid.UUID(token)) == token for token in tokens)


def test_before_create_secret_the_version_is_pending_and_empty(service: Service) -> None:
    seen = []

    def look(event: dict[str, str]) -> None:
        read = refusal(service, "GetSecretValue", VersionId=SECOND)
        seen.append((service.labels()[SECOND], read[0]))
        service.create(event)

    service.functions.does["createSecret"] = look
    assert service.rotate() == ["attempt 1 succeeded"]
    assert seen == [(["AWSPENDING"], "ResourceNotFoundException")]


# Who has made the pending version


def making(service: Service, event: dict[str, str], by: str, token: str) -> None:
    """Makes the version as the ARN, with the event's token, another one or none."""
    tokens = {"event's": event["RotationToken"], "another": str(uuid.uuid4())}
    if by:
        service.put("new", SECOND, "AWSPENDING", caller=by, by=tokens.get(token))


@pytest.mark.parametrize("by, token", [(ITSELF, ""), (PERSON, "event's")])
def test_a_version_that_the_rotation_function_has_made_is_rotated(
    service: Service, by: str, token: str
) -> None:
    service.functions.does["createSecret"] = lambda event: making(service, event, by, token)
    assert service.rotate() == ["attempt 1 succeeded"]


OTHERS = [("", ""), (PERSON, ""), (ITSELF.replace("/rotate", "/other"), ""), (PERSON, "another")]


@pytest.mark.parametrize("by, token", OTHERS)
def test_any_other_version_ends_the_attempt_after_create_secret(
    service: Service, by: str, token: str
) -> None:
    service.functions.does["createSecret"] = lambda event: making(service, event, by, token)
    service.assume(attempts=2)
    failed = f"step createSecret failed: {foreign(service)}"
    assert service.rotate() == [f"attempt 1 {failed}", f"attempt 2 {failed}", "failed"]
    assert service.functions.steps == ["createSecret", "createSecret"]
    assert service.labels() == {FIRST: ["AWSCURRENT"], SECOND: ["AWSPENDING"]}


@pytest.mark.parametrize("after", ["finishSecret", "never"])
def test_the_maker_may_be_asked_for_later_or_never(service: Service, after: str) -> None:
    service.functions.does["createSecret"] = lambda event: making(service, event, PERSON, "")
    service.assume(attempts=1, creator_checked_after=after)
    late = [f"attempt 1 step finishSecret failed: {foreign(service)}", "failed"]
    assert service.rotate() == (late if after == "finishSecret" else ["attempt 1 succeeded"])
    assert service.functions.steps == STEPS


def test_a_version_of_an_earlier_attempts_event_is_accepted(service: Service) -> None:
    def create(event: dict[str, str]) -> None:
        if service.functions.steps == ["createSecret"]:
            making(service, event, PERSON, "event's")

    def set_secret(event: dict[str, str]) -> None:
        if service.functions.steps == STEPS[:2]:
            fail(event)

    service.functions.does |= {"createSecret": create, "setSecret": set_secret}
    assert service.rotate()[-1] == "attempt 2 succeeded"


# A new version while a rotation is in progress


def by_put(service: Service) -> None:
    service.put("a person's", THIRD)


def by_update(service: Service) -> None:
    service("UpdateSecret", SecretString="a person's", ClientRequestToken=THIRD)


@pytest.mark.parametrize("change", [by_put, by_update])
@pytest.mark.parametrize(
    "step, attempts, then",
    [("setSecret", 3, fail), ("setSecret", 3, lambda event: None), ("finishSecret", 1, fail)],
)
def test_a_new_current_version_abandons_the_rotation(
    service: Service, change: Change, step: str, attempts: int, then: Step
) -> None:
    def meanwhile(event: dict[str, str]) -> None:
        change(service)
        then(event)

    service.functions.does[step] = meanwhile
    service.assume(attempts=attempts)
    outcome = service.rotate(RotationRules=DAILY)
    assert outcome[0] == "abandoned"
    assert "failed" not in outcome
    # The invocation went on, and nothing came after it: neither a step nor an attempt.
    assert service.functions.steps == STEPS[: STEPS.index(step) + 1]
    assert service.labels() == {FIRST: ["AWSPREVIOUS"], THIRD: ["AWSCURRENT"]}
    service.functions.does |= {"setSecret": lambda event: None, "finishSecret": service.finish}
    assert service.rotate("4" * 32) == ["attempt 1 succeeded"]


def test_a_value_put_again_abandons_nothing_and_a_new_one_takes_pending_away(
    service: Service,
) -> None:
    service.functions.does["setSecret"] = lambda event: service.put("old", FIRST)
    assert service.rotate() == ["attempt 1 succeeded"]
    assert service.labels()[SECOND] == ["AWSCURRENT", "AWSPENDING"]
    service.put("a person's", THIRD)
    assert service.labels() == {SECOND: ["AWSPREVIOUS"], THIRD: ["AWSCURRENT"]}


@pytest.mark.parametrize("abandons", [False, True])
@pytest.mark.parametrize("label", ["mine", "AWSPENDING"])
def test_a_new_version_that_is_not_current_may_abandon_a_rotation(
    service: Service, label: str, abandons: bool
) -> None:
    service.assume(any_version_abandons=abandons)
    service.functions.does["setSecret"] = lambda event: service.put("x", THIRD, label)
    assert service.rotate() == (["abandoned"] if abandons else ["attempt 1 succeeded"])
    assert service.labels()[THIRD] == [label]
    assert (SECOND in service.labels()) is not abandons


# Attempts


@pytest.mark.parametrize("attempts, seconds", [(1, 7.0), (3, 2.0), (5, 0.5)])
def test_a_rotation_is_tried_so_often_and_so_far_apart(
    service: Service, attempts: int, seconds: float
) -> None:
    service.functions.does["setSecret"] = fail
    service.assume(attempts=attempts, retry_seconds=seconds)
    assert service.rotate()[-1] == "failed"
    assert service.functions.steps == ["createSecret", "setSecret"] * attempts
    assert service.pauses == [seconds] * (attempts - 1)


def test_what_a_function_returns_means_nothing(service: Service) -> None:
    answer = {"errorType": "LookupError", "errorMessage": "it failed"}
    service.functions.does["setSecret"] = lambda event: answer
    assert service.rotate() == ["attempt 1 succeeded"]


@pytest.mark.parametrize("retried", [True, False])
def test_a_version_that_has_lost_pending_may_be_tried_again(
    service: Service, retried: bool
) -> None:
    def meanwhile(event: dict[str, str]) -> None:
        if SECOND in service.labels():
            service.move("AWSPENDING", SECOND, None)
        fail(event)

    service.functions.does["setSecret"] = meanwhile
    service.assume(attempts=2, retries_without_pending=retried)
    assert service.rotate()[-1] == "failed"
    assert service.functions.steps.count("createSecret") == (2 if retried else 1)


def test_a_rotation_that_is_cancelled_or_whose_secret_goes_is_not_tried_again(
    service: Service,
) -> None:
    def cancel(event: dict[str, str]) -> None:
        service.cancel_rotate_secret(NAME)
        fail(event)

    def delete(event: dict[str, str]) -> None:
        service.delete_secret(NAME, 7, False)
        fail(event)

    service.functions.does["setSecret"] = cancel
    service.assume(refusal_reattempts=False)
    assert service.rotate()[1:] == ["abandoned"]
    # CancelRotateSecret leaves AWSPENDING where it is, and that blocks.
    assert service.labels()[SECOND] == ["AWSPENDING"]
    assert refusal(service.begin, THIRD)[0] == "InvalidRequestException"
    service.move("AWSPENDING", SECOND, None)
    service.functions.does["setSecret"] = delete
    assert service.rotate(THIRD)[1:] == ["abandoned"]
    assert service.functions.steps.count("createSecret") == 2


# A rotation that has failed


@pytest.mark.parametrize("reattempts", [True, False])
def test_a_pending_version_that_is_left_blocks_and_nothing_is_stored(
    service: Service, reattempts: bool
) -> None:
    service.functions.does["setSecret"] = fail
    service.assume(attempts=1, refusal_reattempts=reattempts)
    service.rotate(RotationRules=DAILY)
    before = service.described()
    assert "LastRotatedDate" not in before
    del service.functions.does["setSecret"]
    service.functions.events.clear()
    service.functions.called.clear()
    weekly = {"AutomaticallyAfterDays": 7}
    assert refusal(service.begin, THIRD, OTHER, RotationRules=weekly) == (
        "InvalidRequestException",
        "A previous rotation isn\u2019t complete. That rotation will be reattempted.",
    )
    messages = service.ended()
    after = service.described()
    assert (after["RotationRules"], after["RotationLambdaARN"]) == (DAILY, FUNCTION)
    if reattempts:
        assert messages[-1] == "attempt 1 succeeded"
        assert set(service.functions.called) == {FUNCTION}
        assert {event["ClientRequestToken"] for event in service.functions.events} == {SECOND}
    else:
        assert service.functions.events == []
        assert after == before


def test_a_rotation_in_progress_is_not_begun_again(service: Service) -> None:
    refused = []
    service.functions.does["setSecret"] = lambda event: refused.append(
        refusal(service.begin, THIRD)[0]
    )
    assert service.rotate() == ["attempt 1 succeeded"]
    assert refused == ["InvalidRequestException"]
    assert service.functions.steps == STEPS


@pytest.mark.parametrize(
    "free", [lambda service: service.move("AWSPENDING", SECOND, None), by_put, by_update]
)
def test_pending_taken_off_or_a_new_current_version_frees_the_secret(
    service: Service, free: Change
) -> None:
    service.functions.does["setSecret"] = fail
    service.rotate()
    del service.functions.does["setSecret"]
    free(service)
    assert service.rotate("4" * 32) == ["attempt 1 succeeded"]
    assert service.labels()["4" * 32] == ["AWSCURRENT", "AWSPENDING"]
