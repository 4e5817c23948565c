"""What the on-call topic gets, end to end: who finds something, SNS, a queue."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from local.deploy import STACK_NAME, deploy
from local.faults import ask, control
from local.instance import LocalAws
from tests.local.helpers import eventually
from tests.rotation.world import Tenant, World


@dataclass
class OnCall:
    world: World
    sqs: Any
    queue: str

    def message(self, about: str) -> dict[str, Any]:
        """The next one with that in its subject, as SNS delivers it; others are passed over."""

        def look() -> dict[str, Any] | None:
            for received in self.sqs.receive_message(QueueUrl=self.queue).get("Messages", ()):
                handle = received["ReceiptHandle"]
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=handle)
                found: dict[str, Any] = json.loads(received["Body"])
                if about in found["Subject"]:
                    return found
            return None

        return eventually(look, f"a message about {about}")


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
        told = dict.fromkeys(("Alarms", "OverdueCheck", "Dashboard"), "true")
        stack = deploy(aws, {"NotificationTopicArn": topic, **told})
        yield OnCall(World(aws, stack), sqs, queue)


def test_a_failed_and_a_stopped_rotation_are_told_and_a_good_one_is_not(on_call: OnCall) -> None:
    tenant = on_call.world.tenant()
    url = on_call.world.aws.environment["LOCAL_CONTROL_URL"]
    assert tenant.start()["status"] == "SUCCEEDED"

    control(url, "POST", ["deny:GetRandomPassword"])
    execution = tenant.start()
    control(url, "DELETE")
    told = on_call.message("AccessDenied")
    assert told["Subject"] == f"{tenant.secret_name}: rotation FAILED, AccessDeniedError"
    clients = "Clients: not locked out by this run (the user was not changed)\n"
    assert told["Message"].startswith(clients)
    assert execution["cause"] in told["Message"]
    assert "docs/troubleshooting.md, AccessDeniedError" in told["Message"]
    assert execution["executionArn"] in told["Message"]

    control(url, "POST", ["stop-at:Promote Version"])
    execution = tenant.start()
    control(url, "DELETE")
    assert execution["status"] == "ABORTED"
    told = on_call.message("ABORTED")
    assert told["Subject"] == f"{tenant.secret_name}: rotation ABORTED"
    assert told["Message"].startswith("Clients: unknown (")
    assert "Start an execution by hand, which makes a new version" in told["Message"]
    assert tenant.start()["status"] == "SUCCEEDED"
    assert "Messages" not in on_call.sqs.receive_message(QueueUrl=on_call.queue)


def check(on_call: OnCall) -> dict[str, Any]:
    """As a person does in the console, with `{}`; the function's answer."""
    client = on_call.world.aws.client("lambda")
    arn = on_call.world.stack.outputs["OverdueCheckFunctionArn"]
    answer = client.invoke(FunctionName=arn, Payload="{}")
    found: dict[str, Any] = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, found
    return found


def metrics_told(on_call: OnCall) -> list[dict[str, Any]]:
    """What CloudWatch would make of the log: PutMetricData's data, oldest first."""
    logs = on_call.world.aws.client("logs").get_paginator("filter_log_events")
    pages = logs.paginate(logGroupName=f"/aws/lambda/{STACK_NAME}", filterPattern='"_aws"')
    lines = [json.loads(each["message"]) for page in pages for each in page["events"]]
    return [
        {
            "MetricName": metric["Name"],
            "Value": line[metric["Name"]][0],
            "Dimensions": [{"Name": name, "Value": line[name]} for name in dimensions],
        }
        for line in lines
        for told in line["_aws"]["CloudWatchMetrics"]
        for metric in told["Metrics"]
        for dimensions in told["Dimensions"]
    ]


def test_what_the_daily_check_finds_is_told(on_call: OnCall) -> None:
    world, aws = on_call.world, on_call.world.aws
    url = aws.environment["LOCAL_CONTROL_URL"]
    good, late, cancelled, stopped, off = tenants = [world.tenant() for _ in range(5)]
    rotated(*tenants)
    # None of this stack's.
    never = world.tenant()
    assert check(on_call) == {"Checked": 5, "OverdueSecrets": 0, "Findings": []}

    ask(f"{url}/age", "POST", {"SecretId": late.secret_arn, "Days": 40})
    world.secrets.cancel_rotate_secret(SecretId=cancelled.secret_arn)
    control(url, "POST", ["stop-at:Promote Version"])
    assert stopped.start()["status"] == "ABORTED"
    control(url, "DELETE")
    assert stopped.secret_name in on_call.message("ABORTED")["Subject"]
    world.elasticache.modify_user(UserId=off.user_id, AccessString="off ~app:* +get")
    eventually(lambda: off.user()["Status"] == "active", "the modification's end")
    answer = check(on_call)
    assert {(each["Secret"], each["Kind"]) for each in answer["Findings"]} == {
        (late.secret_name, "Overdue"),
        (cancelled.secret_name, "RotationOff"),
        (stopped.secret_name, "Blocked"),
        (off.secret_name, "UserOff"),
    }
    assert (answer["Checked"], answer["OverdueSecrets"]) == (5, 4)
    told = on_call.message("daily check")
    assert told["Subject"] == "4 secrets to look at: the daily check of rotations"
    for finding in answer["Findings"]:
        assert f"{finding['Kind']}. {finding['Message']}" in told["Message"]
    assert f" {good.secret_name} " not in told["Message"]
    assert f" {never.secret_name} " not in told["Message"]

    # CloudWatch makes metrics of log lines, which the local one does not. A function's last lines
    # may come with its next invocation only.
    def counted() -> dict[str, Any] | None:
        assert check(on_call) == answer
        told = [each for each in metrics_told(on_call) if each["MetricName"] == "OverdueSecrets"]
        assert {each["Value"] for each in told} <= {0, 4}
        return next((each for each in told if each["Value"]), None)

    found = eventually(counted, "a count of 4 in the log")
    assert found["Dimensions"] == [{"Name": "service", "Value": STACK_NAME}]
    aws.client("cloudwatch").put_metric_data(Namespace="ElastiCacheRotation", MetricData=[found])
    alarm = on_call.message("OverdueSecretsAlarm")
    assert json.loads(alarm["Message"])["NewStateValue"] == "ALARM"

    # What the sentences say is to be done.
    world.elasticache.modify_user(UserId=off.user_id, AccessString="on ~app:* +get")
    eventually(lambda: off.user()["Status"] == "active", "the modification's end")
    assert stopped.start()["status"] == "SUCCEEDED"
    rotated(late, cancelled)
    assert check(on_call)["Findings"] == []


def rotated(*tenants: Tenant) -> None:
    """All at once, each until Secrets Manager says that it is."""
    begun = datetime.now(UTC).replace(microsecond=0)
    for tenant in tenants:
        tenant.begin_rotation()

    def all_are() -> bool:
        dates = [tenant.described().get("LastRotatedDate") for tenant in tenants]
        return all(date and date >= begun for date in dates)

    eventually(all_are, "the rotations' end")


def test_every_alarm_tells_the_topic(on_call: OnCall) -> None:
    cloudwatch = on_call.world.aws.client("cloudwatch")
    alarms = cloudwatch.describe_alarms()["MetricAlarms"]
    assert len(alarms) == 7
    for alarm in alarms:
        for state in ("OK", "ALARM"):
            cloudwatch.set_alarm_state(
                AlarmName=alarm["AlarmName"], StateValue=state, StateReason="a test"
            )
        told = json.loads(on_call.message(alarm["AlarmName"])["Message"])
        assert (told["AlarmName"], told["NewStateValue"]) == (alarm["AlarmName"], "ALARM")
        assert told["AlarmDescription"] == alarm["AlarmDescription"] != ""


def test_the_logins_of_a_rotation_are_counted_by_their_outcome(on_call: OnCall) -> None:
    tenant = on_call.world.tenant()
    tenant.serve("replicas")
    before = len(metrics_told(on_call))
    url = on_call.world.aws.environment["LOCAL_CONTROL_URL"]
    control(url, "POST", ["open-node:2:Log In"])
    assert tenant.start()["error"] == "AnyPasswordAcceptedError"
    control(url, "DELETE")
    assert tenant.start()["status"] == "SUCCEEDED"
    outcomes = [
        {each["Name"]: each["Value"] for each in told["Dimensions"]}
        for told in metrics_told(on_call)[before:]
        if told["MetricName"] == "Logins"
    ]
    assert {each["service"] for each in outcomes} == {STACK_NAME}
    counted = Counter(each["outcome"] for each in outcomes)
    assert counted["AnyPasswordAcceptedError"] == 7
    assert counted["Succeeded"] in (3, 4, 5)
    told = on_call.message("AnyPasswordAcceptedError")
    assert tenant.secret_name in told["Subject"]
    logged_in = "Clients: not locked out (AWSCURRENT logged in on 3 of 3 endpoints at "
    assert told["Message"].startswith(logged_in)


def test_the_dashboard_is_deployed_as_json(on_call: OnCall) -> None:
    cloudwatch = on_call.world.aws.client("cloudwatch")
    [dashboard] = cloudwatch.list_dashboards()["DashboardEntries"]
    text = cloudwatch.get_dashboard(DashboardName=dashboard["DashboardName"])["DashboardBody"]
    assert "${" not in text
    widgets = json.loads(text)["widgets"]
    [alarms] = [each["properties"]["alarms"] for each in widgets if each["type"] == "alarm"]
    deployed = cloudwatch.describe_alarms()["MetricAlarms"]
    assert sorted(alarms) == sorted(each["AlarmArn"] for each in deployed)


def test_the_check_runs_every_day(on_call: OnCall) -> None:
    aws = on_call.world.aws
    arn = on_call.world.stack.outputs["OverdueCheckFunctionArn"]
    events = aws.client("events")
    [rule] = events.list_rule_names_by_target(TargetArn=arn)["RuleNames"]
    described = events.describe_rule(Name=rule)
    assert (described["ScheduleExpression"], described["State"]) == ("rate(1 day)", "ENABLED")
    policy = json.loads(aws.client("lambda").get_policy(FunctionName=arn)["Policy"])
    [statement] = policy["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
