"""Making a version, and AWSPENDING, which is the lock of a secret."""

from contextlib import nullcontext
from datetime import datetime

import pytest

from rotation import errors
from rotation.adapters.secrets_manager import AWSCURRENT, AWSPENDING, AWSPREVIOUS
from rotation.records.target import Target
from rotation.rules.labels import move, remove_pending, require_promotable, require_unchanged
from rotation.rules.staging import stage_version
from tests.unit.fakes import World
from tests.unit.leaks import assert_no_leak
from tests.unit.values import (
    CURRENT,
    CURRENT_PASSWORD,
    LONG_AGO,
    NEW_PASSWORD,
    NOW,
    OTHER,
    OTHER_PASSWORD,
    PENDING,
    PENDING_PASSWORD,
    PREVIOUS,
    RULES,
    SECRET_ARN,
    make_target,
    secret_text,
)

PENDING_TEXT, OTHER_TEXT = secret_text(PENDING_PASSWORD), secret_text(OTHER_PASSWORD)
STAGED = {PREVIOUS: [AWSPREVIOUS], CURRENT: [AWSCURRENT], PENDING: [AWSPENDING]}
NOT_READABLE_YET = errors.VersionNotReadableError("not yet")
#: When AWSPENDING was on no version.
FREE = make_target(pending_version_at_check="")


def stage(world: World, target: Target = FREE, *, by_hand: bool = True) -> bool:
    return stage_version(target, world.secrets, RULES, by_hand=by_hand)


def label(world: World, name: str, version: str | None) -> None:
    """Move a label by hand, without a compare and swap."""
    for labels in world.secrets.labels.values():
        labels.discard(name)
    if version:
        world.secrets.labels.setdefault(version, set()).add(name)


# A version is made


@pytest.mark.parametrize(
    "at_check, now", [("", None), (CURRENT, CURRENT), (OTHER, OTHER), (OTHER, None)]
)
@pytest.mark.parametrize("earlier", [OTHER_TEXT, None, b"binary", "no JSON"])
def test_a_run_by_hand_makes_its_version_whatever_an_earlier_run_has_left(
    world: World, at_check: str, now: str | None, earlier: str | bytes | None
) -> None:
    world.secrets.add(OTHER, earlier)
    label(world, AWSPENDING, now)
    assert stage(world, make_target(pending_version_at_check=at_check)) is True
    assert world.secrets.texts[PENDING] == secret_text(NEW_PASSWORD)
    assert world.secrets.snapshot()["labels"] == STAGED
    # It has the label from its first moment: Secrets Manager may delete a version without any.
    assert world.secrets.faults.called("move_label") == []


@pytest.mark.parametrize("text", [None, PENDING_TEXT])
def test_in_a_run_of_secrets_manager_no_version_is_made(world: World, text: str | None) -> None:
    # Secrets Manager accepts one from the rotation function only.
    world.stage(text)
    world.secrets.faults.raise_at("read", NOT_READABLE_YET)
    with pytest.raises(errors.VersionNotReadableError):
        stage(world, make_target(), by_hand=False)
    assert world.secrets.faults.called("put_pending") == []


# A version is kept


@pytest.mark.parametrize("by_hand", [True, False])
@pytest.mark.parametrize("pending", [PENDING, "", CURRENT, OTHER])
def test_a_version_with_a_value_is_kept_and_gets_awspending_back(
    world: World, pending: str, by_hand: bool
) -> None:
    # A failed attempt may have removed the label.
    world.secrets.add(OTHER, OTHER_TEXT)
    world.stage()
    label(world, AWSPENDING, pending)
    target = make_target(pending_version_at_check=pending)
    assert stage(world, target, by_hand=by_hand) is False
    assert world.secrets.texts[PENDING] == PENDING_TEXT
    assert world.secrets.snapshot()["labels"] == STAGED
    assert len(world.secrets.faults.called("move_label")) == (pending != PENDING)


@pytest.mark.parametrize("text", [PENDING_TEXT, None])
@pytest.mark.parametrize("target", [make_target(), FREE])
def test_another_run_that_has_taken_awspending_since_the_check_keeps_it(
    world: World, text: str | None, target: Target
) -> None:
    world.secrets.add(PENDING, text)
    world.secrets.add(OTHER, OTHER_TEXT, AWSPENDING)
    before = world.secrets.snapshot()
    with pytest.raises(errors.RotationSupersededError, match=OTHER):
        stage(world, target)
    assert world.secrets.snapshot() == before


def test_a_kept_version_takes_awspending_only_from_where_it_was_seen(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.secrets.add(PENDING, PENDING_TEXT)
    seen = world.secrets.describe(SECRET_ARN)
    monkeypatch.setattr(world.secrets, "describe", lambda secret_id: seen)
    world.secrets.add(OTHER, OTHER_TEXT, AWSPENDING)
    with pytest.raises(errors.RotationSupersededError):
        stage(world)
    assert world.secrets.version_with(AWSPENDING) == OTHER


def test_a_value_that_is_not_readable_yet_is_not_replaced(world: World) -> None:
    world.stage()
    world.secrets.faults.raise_at("read", NOT_READABLE_YET)
    assert stage(world, make_target()) is False
    assert world.secrets.texts[PENDING] == PENDING_TEXT
    assert world.secrets.snapshot()["labels"] == STAGED


# The secret is unchanged


def unchanged(world: World) -> str:
    return require_unchanged(make_target(), world.secrets.describe(SECRET_ARN), world.secrets)


def test_labels_that_are_where_the_run_has_seen_them_are_unchanged(world: World) -> None:
    world.stage()
    assert unchanged(world) == CURRENT
    assert world.secrets.faults.called("read") == []


@pytest.mark.parametrize(
    "name, version",
    [
        *((AWSCURRENT, version) for version in (OTHER, PREVIOUS, PENDING, None)),
        *((AWSPENDING, version) for version in (OTHER, CURRENT, None)),
    ],
)
def test_a_label_that_was_moved_ends_the_run(world: World, name: str, version: str | None) -> None:
    text = secret_text(CURRENT_PASSWORD)
    # A copy in this run's own version, and the same password in another text, do not count.
    world.stage(text)
    world.secrets.add(OTHER, f"{text}\n")
    before = world.secrets.version_with(name)
    label(world, name, version)
    moved = f"^{name} of secret {SECRET_ARN} .* from version {before} to {version or 'none'}\\."
    with pytest.raises(errors.RotationSupersededError, match=moved) as caught:
        unchanged(world)
    assert_no_leak([CURRENT_PASSWORD], error=caught.value)


def test_awscurrent_may_be_on_a_version_with_the_same_text(world: World) -> None:
    # A person has saved the secret without changing it.
    world.stage()
    world.secrets.add(OTHER, world.secrets.texts[CURRENT], AWSCURRENT)
    assert unchanged(world) == OTHER


# A version that can never become AWSCURRENT


def promotable(world: World, version: str = PENDING) -> None:
    require_promotable(world.secrets.describe(SECRET_ARN), version, world.secrets)


@pytest.mark.parametrize("current", [secret_text(CURRENT_PASSWORD), secret_text(None)])
def test_a_version_of_awscurrents_text_can_be_promoted(world: World, current: str) -> None:
    world.secrets.texts[CURRENT] = current
    world.stage()
    promotable(world)


@pytest.mark.parametrize(
    "text, reason",
    [
        (secret_text(PENDING_PASSWORD, added="by a person"), "another text"),
        (f"{PENDING_TEXT}\n", "another text"),
        (secret_text("with,comma~with,comma"), "not valid"),
        (secret_text(None), "not valid"),
        ("no JSON", "not valid for a rotation"),
        (b"binary", "not valid for a rotation"),
    ],
)
def test_a_version_of_another_text_can_never_be_promoted_nor_gets_awspending(
    world: World, text: str | bytes, reason: str
) -> None:
    world.secrets.add(PENDING, text)
    never = f"{PENDING}.*never.*{reason}.*Rotate again"
    with pytest.raises(errors.RotationSupersededError, match=never) as caught:
        stage(world)
    assert world.secrets.version_with(AWSPENDING) is None
    assert_no_leak([PENDING_PASSWORD, CURRENT_PASSWORD, "with,comma"], error=caught.value)


@pytest.mark.parametrize(
    "version, created, reason", [(PREVIOUS, NOW, AWSPREVIOUS), (PENDING, LONG_AGO, "older")]
)
def test_a_version_that_is_older_than_awscurrent_can_never_be_promoted(
    world: World, version: str, created: datetime, reason: str
) -> None:
    world.stage()
    world.secrets.created[version] = created
    with pytest.raises(errors.RotationSupersededError, match=reason):
        promotable(world, version)


def test_no_version_is_promoted_in_a_secret_without_awscurrent(world: World) -> None:
    world.stage()
    del world.secrets.labels[CURRENT]
    with pytest.raises(errors.VersionNotFoundError, match="AWSCURRENT"):
        promotable(world)


@pytest.mark.parametrize("missing", [PENDING, CURRENT])
def test_a_version_that_is_not_listed_yet_does_not_count_as_old(
    world: World, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.stage()
    listed = [each for each in world.secrets.versions(SECRET_ARN) if each.version_id != missing]
    monkeypatch.setattr(world.secrets, "versions", lambda arn: listed)
    promotable(world)


# Moving and removing a label


@pytest.mark.parametrize(
    "to, away_from, labeled, counts",
    [
        (None, PENDING, None, True),
        (None, PENDING, OTHER, True),
        (None, PENDING, PENDING, False),
        (PENDING, OTHER, PENDING, True),
        (PENDING, OTHER, CURRENT, False),
        (PENDING, OTHER, None, False),
    ],
)
def test_a_refused_move_counts_if_the_label_has_arrived_or_is_gone(
    world: World, to: str | None, away_from: str, labeled: str | None, counts: bool
) -> None:
    # botocore repeats a call whose answer was lost.
    label(world, AWSPENDING, labeled)
    refusal = errors.RotationSupersededError("AWSPENDING is not where it was expected.")
    world.secrets.faults.raise_at("move_label", refusal)
    with nullcontext() if counts else pytest.raises(errors.RotationSupersededError):
        move(world.secrets, SECRET_ARN, AWSPENDING, to=to, away_from=away_from)


def test_awspending_is_removed_from_the_named_version_only(world: World) -> None:
    world.stage()
    for version, labeled in (("no such version", PENDING), (CURRENT, PENDING), (PENDING, None)):
        remove_pending(world.secrets, SECRET_ARN, version)
        assert world.secrets.version_with(AWSPENDING) == labeled
