"""What the on-call topic gets, end to end: who finds something, SNS, a queue."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from local.deploy import deploy
from local.faults import ask
from local.instance import LocalAws
from tests.rotation.recorded import check
from tests.rotation.world import Tenant, World


@dataclass
class OnCall:
    world: World
    sqs: Any
    queue: str

    def message(self, about: str) -> dict[str, Any]:
        """The next one with that in its subject, as SNS delivers it."""

        def look() -> dict[str, Any] | None:
            for received in self.sqs.receive_message(QueueUrl=self.queue).get("Messages", ()):
                handle = received["ReceiptHandle"]
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=handle)
                found: dict[str, Any] = json.loads(received["Body"])
                if about in found["Subject"]:
                    return found
            return None

        return self.world.eventually(look, f"a message about {about}")


@pytest.fixture(scope="module")
def on_call(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnCall]:
    with LocalAws(tmp_path_factory.mktemp("notified"), modifying_seconds=0.2) as aws:
        sns, sqs = aws.client("sns"), aws.client("sqs")
        topic = sns.create_topic(Name="on-call")["TopicArn"]
        queue = sqs.create_queue(QueueName="on-call")["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        arn = found["Attributes"]["QueueArn"]
        allow = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}}
        statement = {**allow, "Action": "sqs:SendMessage", "Resource": arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        stack = deploy(aws, {"NotificationTopicArn": topic, "OverdueCheck": "true"})
        yield OnCall(World(aws, stack), sqs, queue)


def test_only_failed_and_stopped_rotations_send_a_notification(on_call: OnCall) -> None:
    world = on_call.world
    tenant = world.tenant()
    tenant.succeeds()
    with world.faults("deny:GetRandomPassword"):
        execution = tenant.start()
    message = on_call.message("AccessDenied")
    assert message["Subject"] == f"{tenant.secret_name}: rotation FAILED, AccessDeniedError"
    clients = "Clients: not locked out by this run (the user was not changed)\n"
    assert message["Message"].startswith(clients)
    for part in (execution["cause"], execution["executionArn"], "troubleshooting.md, AccessDenied"):
        assert part in message["Message"]
    with world.faults("stop-at:Promote Version"):
        assert tenant.start()["status"] == "ABORTED"
    message = on_call.message("ABORTED")
    assert message["Subject"] == f"{tenant.secret_name}: rotation ABORTED"
    assert message["Message"].startswith("Clients: unknown (")
    assert "Start an execution by hand, which makes a new version" in message["Message"]
    assert "Messages" not in on_call.sqs.receive_message(QueueUrl=on_call.queue)


def test_the_daily_check_sends_what_it_finds_and_its_advice_helps(on_call: OnCall) -> None:
    world = on_call.world
    kinds = ("", "Overdue", "RotationOff", "Blocked", "UserOff")
    tenants = {kind: world.tenant() for kind in kinds}
    rotate_all([*tenants.values()])
    assert check(world) == {"Checked": 5, "OverdueSecrets": 0, "Findings": []}
    age = {"SecretId": tenants["Overdue"].secret_arn, "Days": 40}
    ask(f"{world.aws.environment['LOCAL_CONTROL_URL']}/age", "POST", age)
    world.secrets.cancel_rotate_secret(SecretId=tenants["RotationOff"].secret_arn)
    with world.faults("stop-at:Promote Version"):
        assert tenants["Blocked"].start()["status"] == "ABORTED"
    tenants["UserOff"].modify(AccessString="off ~app:* +get")

    answer = check(world)
    found = {each["Kind"]: each["Secret"] for each in answer["Findings"]}
    assert found == {kind: tenants[kind].secret_name for kind in kinds if kind}
    assert (answer["Checked"], answer["OverdueSecrets"]) == (5, 4)
    message = on_call.message("daily check")
    assert message["Subject"] == "4 secrets need attention: the daily check"
    for finding in answer["Findings"]:
        assert f"{finding['Kind']}. {finding['Message']}" in message["Message"]
    assert f" {tenants[''].secret_name} " not in message["Message"]

    tenants["UserOff"].modify(AccessString="on ~app:* +get")
    tenants["Blocked"].succeeds()
    rotate_all([tenants["Overdue"], tenants["RotationOff"]])
    assert check(world)["Findings"] == []


def rotate_all(tenants: list[Tenant]) -> None:
    """At once, each until Secrets Manager says that it is rotated."""
    begun = datetime.now(UTC).replace(microsecond=0)
    for tenant in tenants:
        tenant.begin_rotation()

    def all_are() -> bool:
        dates = [tenant.described().get("LastRotatedDate") for tenant in tenants]
        return all(date and date >= begun for date in dates)

    tenants[0].world.eventually(all_are, "the end of the rotations")
