"""Rotations in one process, as the bench measures them."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import scaled
from bench.quotas import Bucket, Quotas
from local.assumptions import Assumptions

REFERENCE = """
import time, boto3, logging, os
logger = logging.getLogger("reference")

def lambda_handler(event, context):
    secrets = boto3.client("secretsmanager")
    if event["Step"] == "createSecret":
        text = secrets.get_secret_value(SecretId=os.environ["SECRET_ARN"])["SecretString"]
        secrets.put_secret_value(
            SecretId=event["SecretId"], ClientRequestToken=event["ClientRequestToken"],
            SecretString=text, VersionStages=["AWSPENDING"],
        )
    elif event["Step"] == "testSecret":
        time.sleep(7)
    elif event["Step"] == "finishSecret":
        stages = secrets.describe_secret(SecretId=event["SecretId"])["VersionIdsToStages"]
        [current] = [each for each, labels in stages.items() if "AWSCURRENT" in labels]
        secrets.update_secret_version_stage(
            SecretId=event["SecretId"], VersionStage="AWSCURRENT",
            MoveToVersionId=event["ClientRequestToken"], RemoveFromVersionId=current,
        )
"""


def test_one_rotation_is_measured_by_its_waits() -> None:
    run = scaled.rotate(1, 5, nodes=2)
    assert (run.asked, run.promoted, run.seconds, run.errors) == (1, 1, 5.0, {})
    assert run.transitions == [23]
    assert run.calls["ModifyUser"] == 1


def test_calls_of_a_rotation_do_not_grow_with_how_many_there_are_but_with_a_rate_limit() -> None:
    alone, many = scaled.rotate(1, 5), scaled.rotate(4, 5)
    assert many.promoted == 4
    assert sum(many.calls.values()) == 4 * sum(alone.calls.values())
    limited = scaled.rotate(1, 5, "rate-limit:2")
    assert sum(limited.calls.values()) > sum(alone.calls.values())


def test_another_function_is_measured_on_the_same_clock(tmp_path: Path) -> None:
    path = tmp_path / "lambda_function.py"
    path.write_text(REFERENCE)
    run = scaled.rotate_with_reference(path, 5)
    assert (run.promoted, run.seconds) == (1, 7.0)
    assert run.rotation_seconds == [7.0]
    assert run.calls["DescribeSecret"] == 1


WINDOW = Assumptions(attempts=12, retry_seconds=300)
QUICK = Assumptions(attempts=3, retry_seconds=2)


@pytest.mark.parametrize("modifying", [60, 300])
@pytest.mark.parametrize("retries, promoted, again", [(WINDOW, 12, 0), (QUICK, 10, 2)])
def test_more_rotations_than_lambda_has_slots_all_end_promoted(
    modifying: int, retries: Assumptions, promoted: int, again: int
) -> None:
    # Two cannot begin, and ten hold all slots that their own executions need.
    run = scaled.rotate(12, modifying, concurrency=10, assumptions=retries, again=True)
    assert (run.promoted, run.promoted_again, run.errors) == (promoted, again, {})
    assert Counter(run.outcomes) == Counter(succeeded=promoted, failed=again)


def test_a_clean_rotation_asks_for_few_executions() -> None:
    run = scaled.rotate(1, 300)
    assert "ListExecutions" not in run.calls
    # At 5 s, and then each minute or two.
    assert 1 <= run.calls["DescribeExecution"] <= 6
    assert run.calls["GetExecutionHistory"] == 1
    assert scaled.rotate(1, 0).calls.get("DescribeExecution", 0) <= 1


def test_rotations_that_share_a_quota_all_succeed(monkeypatch: pytest.MonkeyPatch) -> None:
    def tight(now: Callable[[], float]) -> Quotas:
        quotas = Quotas(now)
        quotas._buckets["DescribeExecution"] = Bucket(1, 0.02)
        return quotas

    monkeypatch.setattr(scaled, "Quotas", tight)
    run = scaled.rotate(4, 300)
    assert (run.promoted, run.outcomes) == (4, {"succeeded": 4})
    assert run.throttled["DescribeExecution"] > 0


def test_a_bucket_fills_up_again_and_never_over() -> None:
    bucket = Bucket(2, 0.5)
    assert [bucket.take(at) for at in (0, 0, 0, 1, 2, 2, 100, 100, 100)] == [
        *(True, True, False, False, True, False),
        *(True, True, False),
    ]
