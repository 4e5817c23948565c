"""Rotations in one process, as the bench measures them."""

from pathlib import Path

from bench import scaled

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
    assert run.transitions == [24]
    assert run.calls["ModifyUser"] == 1


def test_calls_of_a_rotation_do_not_grow_with_how_many_there_are() -> None:
    alone, many = scaled.rotate(1, 5), scaled.rotate(4, 5)
    assert many.promoted == 4
    assert sum(many.calls.values()) == 4 * sum(alone.calls.values())


def test_users_of_one_group_wait_for_each_other() -> None:
    run = scaled.rotate(3, 5, "one-at-a-time", one_group=True)
    assert run.promoted == 3
    assert run.seconds >= 15


def test_a_rate_limit_is_met_and_tried_again() -> None:
    limited, free = scaled.rotate(1, 5, "rate-limit:2"), scaled.rotate(1, 5)
    assert sum(limited.calls.values()) > sum(free.calls.values())


def test_another_function_is_measured_on_the_same_clock(tmp_path: Path) -> None:
    path = tmp_path / "lambda_function.py"
    path.write_text(REFERENCE)
    run = scaled.rotate_with_reference(path, 5)
    assert (run.promoted, run.seconds) == (1, 7.0)
    assert run.rotation_seconds == [7.0]
    assert run.calls["DescribeSecret"] == 1
