"""What is left of a rotation: labels, dates and versions."""

import pytest

from tests.local.service import DAILY, FIRST, NAME, SECOND, THIRD, Service, fail

# A rotation that has succeeded


def test_pending_stays_after_a_success_or_is_removed_at_once(service: Service) -> None:
    service.rotate()
    assert service.labels()[SECOND] == ["AWSCURRENT", "AWSPENDING"]
    service.assume(pending_removed_after=0)
    service.rotate(THIRD)
    assert service.labels() == {SECOND: ["AWSPREVIOUS"], THIRD: ["AWSCURRENT"]}
    assert service.later == []


def test_pending_is_removed_some_time_after_a_success(service: Service) -> None:
    service.assume(pending_removed_after=60)
    service.rotate()
    [(seconds, remove)] = service.later
    assert seconds == 60
    assert service.labels()[SECOND] == ["AWSCURRENT", "AWSPENDING"]
    remove()
    assert service.labels()[SECOND] == ["AWSCURRENT"]
    # Too late: another rotation has begun since then.
    service.functions.does["finishSecret"] = fail
    service.rotate(THIRD)
    remove()
    assert service.labels()[THIRD] == ["AWSPENDING"]


# RotateImmediately=false


@pytest.mark.parametrize("fails", [False, True])
def test_the_test_of_a_function_has_a_copy_of_the_value_and_leaves_no_trace(
    service: Service, fails: bool
) -> None:
    seen = []

    def look(event: dict[str, str]) -> None:
        found = service(
            "GetSecretValue", VersionId=event["ClientRequestToken"], VersionStage="AWSPENDING"
        )
        seen.append((found["SecretString"], found["VersionStages"], service.labels()[FIRST]))
        if fails:
            fail(event)

    service.functions.does["testSecret"] = look
    outcome = ["test step testSecret failed: LookupError"] if fails else ["test succeeded"]
    assert service.rotate(RotateImmediately=False, RotationRules=DAILY) == outcome
    assert service.functions.steps == ["testSecret"]
    assert seen == [("old", ["AWSPENDING"], ["AWSCURRENT"])]
    assert set(service.versions(IncludeDeprecated=True)) == {FIRST}
    described = service.described()
    assert described["RotationRules"] == DAILY
    assert "LastRotatedDate" not in described


# Dates


def test_created_dates_differ_and_have_milliseconds(service: Service) -> None:
    service.put("x", SECOND, "mine")
    service.put("y", THIRD)
    found = service.versions()
    dates = [found[version]["CreatedDate"] for version in (FIRST, SECOND, THIRD)]
    assert dates == sorted(set(dates))
    assert dates == [round(date, 3) for date in dates]
    assert service("GetSecretValue", VersionId=SECOND)["CreatedDate"] == dates[1]


@pytest.mark.parametrize("staged", [True, False])
def test_a_staged_version_is_as_old_as_its_staging_or_its_value(
    service: Service, staged: bool
) -> None:
    dates = []

    def between(event: dict[str, str]) -> None:
        dates.append(service.versions()[SECOND]["CreatedDate"])
        service.create(event)

    service.functions.does["createSecret"] = between
    service.assume(created_when_staged=staged)
    service.rotate()
    dates.append(service.versions()[SECOND]["CreatedDate"])
    assert (dates[0] == dates[1]) is staged
    assert dates == sorted(dates)


def test_a_new_current_version_counts_as_a_rotation_while_rotation_is_on(service: Service) -> None:
    service.put("x", SECOND)
    assert service.described().keys() & {"LastRotatedDate", "NextRotationDate"} == set()
    service.rotate(THIRD, RotationRules=DAILY)
    first = service.described()
    service.age(NAME, 3)
    aged = service.described()
    for date in ("LastRotatedDate", "NextRotationDate"):
        assert aged[date] == pytest.approx(first[date] - 3 * 86400, abs=0.01)
    service.put("z", "4" * 32, "mine")
    assert service.described()["LastRotatedDate"] == aged["LastRotatedDate"]
    service.put("z", "5" * 32)
    put = service.described()
    assert put["LastRotatedDate"] > first["LastRotatedDate"]
    assert put["NextRotationDate"] >= first["NextRotationDate"]
    service.cancel_rotate_secret(NAME)
    assert service.described().keys() & {"LastRotatedDate", "NextRotationDate"} == set()


# Versions without labels


def test_a_version_without_a_label_is_listed_on_demand_and_can_be_read(service: Service) -> None:
    service.put("x", SECOND)
    service.put("y", THIRD)
    assert set(service.versions()) == {SECOND, THIRD}
    pages = [service("ListSecretVersionIds", IncludeDeprecated=True, MaxResults=2)]
    pages += [
        service("ListSecretVersionIds", IncludeDeprecated=True, NextToken=pages[0]["NextToken"])
    ]
    assert "NextToken" not in pages[1]
    found = {each["VersionId"]: each for page in pages for each in page["Versions"]}
    assert set(found) == {FIRST, SECOND, THIRD}
    assert "VersionStages" not in found[FIRST]
    assert found[THIRD]["VersionStages"] == ["AWSCURRENT"]
    assert service("GetSecretValue", VersionId=FIRST)["SecretString"] == "old"
