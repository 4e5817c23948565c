"""What the on-call topic gets, end to end: the machine, EventBridge, Tell Failure, SNS, a queue."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from local.deploy import deploy
from local.faults import control
from local.instance import LocalAws
from tests.local.helpers import eventually
from tests.rotation.world import World


@dataclass
class OnCall:
    world: World
    sqs: Any
    queue: str

    def message(self) -> dict[str, Any]:
        """The next one, as SNS delivers it."""
        [received] = eventually(
            lambda: self.sqs.receive_message(QueueUrl=self.queue).get("Messages"), "a message"
        )
        self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=received["ReceiptHandle"])
        found: dict[str, Any] = json.loads(received["Body"])
        return found


@pytest.fixture(scope="module")
def on_call(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnCall]:
    with LocalAws(tmp_path_factory.mktemp("told"), modifying_seconds=0.2) as aws:
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
        yield OnCall(World(aws, deploy(aws, {"NotificationTopicArn": topic})), sqs, queue)


def test_a_failed_and_a_stopped_rotation_are_told_and_a_good_one_is_not(on_call: OnCall) -> None:
    tenant = on_call.world.tenant()
    url = on_call.world.aws.environment["LOCAL_CONTROL_URL"]
    assert tenant.start()["status"] == "SUCCEEDED"

    control(url, "POST", ["deny:ModifyUser"])
    execution = tenant.start()
    control(url, "DELETE")
    told = on_call.message()
    assert told["Subject"] == f"AccessDeniedError: rotation of secret {tenant.secret_name}"
    assert execution["cause"] in told["Message"]
    assert "docs/troubleshooting.md, AccessDeniedError" in told["Message"]
    assert execution["executionArn"] in told["Message"]

    control(url, "POST", ["stop-at:Promote Version"])
    execution = tenant.start()
    control(url, "DELETE")
    assert execution["status"] == "ABORTED"
    told = on_call.message()
    assert told["Subject"] == f"ABORTED: rotation of secret {tenant.secret_name}"
    assert "Rotate again: that takes up what is left." in told["Message"]
    assert tenant.start()["status"] == "SUCCEEDED"
    assert "Messages" not in on_call.sqs.receive_message(QueueUrl=on_call.queue)
