"""docs/vpc.md: which endpoints a stack needs whose functions are all in the VPC."""

import re

from local.package import read_template
from tests.docs.named_tests import ROOT
from tools.template.cloudformation import chosen, statements

SERVICES = {"secretsmanager", "elasticache", "states", "sns"}


def test_each_endpoint_has_the_functions_whose_roles_call_the_service() -> None:
    """Logs and traces are Lambda's own to send, network interfaces its own to make."""
    rows = re.findall(
        r"^\| `com\.amazonaws\.REGION\.(\w+)` \| ([\w, ]+)",
        (ROOT / "docs/vpc.md").read_text(),
        re.M,
    )
    called: dict[str, set[str]] = {}
    template = read_template()
    for name, statement in statements(chosen(template, {"NotificationTopicArn": "x"})):
        for action in statement["Action"]:
            service = action.split(":")[0]
            if service in SERVICES:
                called.setdefault(service, set()).add(name.removesuffix("Role"))
    assert {service: {*functions.strip().split(", ")} for service, functions in rows} == called
