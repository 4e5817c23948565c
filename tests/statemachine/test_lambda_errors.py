"""Each error of Lambda's Invoke is retried or named as final; `retries` of checks.py says where."""

import pytest

from tests.statemachine.cases import RETRIES
from tests.statemachine.lambda_errors import FINAL, INVOKE, spellings


def test_each_error_is_retried_or_final() -> None:
    """A new botocore may bring a new one."""
    retried = {name for rules in RETRIES.values() for errors, _ in rules for name in errors}
    left = sorted(INVOKE - retried - FINAL.keys())
    assert left == [], "retry them, or name them in x-final of rotation.asl.yaml; run make asl"
    assert sorted(retried & FINAL.keys()) == []


def test_nothing_is_final_that_invoke_does_not_answer() -> None:
    assert sorted(FINAL.keys() - INVOKE) == []
    assert {reason[-1] for reason in FINAL.values()} == {"."}


@pytest.mark.parametrize(
    "model, sdk",
    [
        ("Lambda.EC2ThrottledException", "Lambda.Ec2ThrottledException"),
        ("Lambda.ENINotReadyException", "Lambda.EniNotReadyException"),
        (
            "Lambda.SubnetIPAddressLimitReachedException",
            "Lambda.SubnetIpAddressLimitReachedException",
        ),
        ("Lambda.ServiceException", "Lambda.ServiceException"),
    ],
)
def test_both_spellings_are_known(model: str, sdk: str) -> None:
    assert spellings(model) == {model, sdk}
