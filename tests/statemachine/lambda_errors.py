"""Lambda's own errors, as Step Functions names them, and which of them are final.

The codes are those of Invoke in botocore's model; the final ones are in ``x-final`` of
statemachine/rotation.asl.yaml, and every task retries all others.
"""

import re

from botocore.session import Session

from statemachine.asl import SOURCE, load

#: Of no model: Step Functions guide, "Handle transient Lambda service exceptions". The AWS SDK for
#: Java 2 calls AWSLambdaException LambdaException.
_OF_STEP_FUNCTIONS = frozenset(
    {
        "Lambda.AWSLambdaException",
        "Lambda.ClientExecutionTimeoutException",
        "Lambda.LambdaException",
        "Lambda.SdkClientException",
        "Lambda.Unknown",
    }
)
INVOKE = frozenset(
    f"Lambda.{shape.name}"
    for shape in Session().get_service_model("lambda").operation_model("Invoke").error_shapes
)
#: Each with the reason.
FINAL: dict[str, str] = load(SOURCE.read_text())["x-final"]


def spellings(name: str) -> set[str]:
    """The name, and as the AWS SDK for Java 2 spells it: with ``Ec2`` for ``EC2``."""
    return {name, re.sub(r"[A-Z]{2,}\d?(?=[A-Z][a-z])", lambda acronym: acronym[0].title(), name)}


#: The function has not run.
REFUSED = frozenset[str]().union(*map(spellings, INVOKE))
RETRIED = _OF_STEP_FUNCTIONS.union(*map(spellings, INVOKE - FINAL.keys()))
NAMES = _OF_STEP_FUNCTIONS | REFUSED
