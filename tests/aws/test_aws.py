"""`make test-aws` with a local AWS as the account: what it asks, removes, and never touches."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError

from local.instance import LocalAws, LocalAwsError, make_client
from tools.aws import __main__ as program
from tools.aws import contract, report, trials
from tools.aws.account import Account, NotOursError
from tools.aws.cost import CACHE_HOUR, estimate
from tools.aws.environment import CACHES, Environment
from tools.aws.questions import Answer, Question
from tools.aws.removal import NotRemovedError, remove
from tools.aws.rotations import rotated

Patch = pytest.MonkeyPatch
#: Some questions, and what the local AWS answers.
SHORT = {
    "a version: with RotationToken": "rotated: createSecret, setSecret, testSecret, finishSecret",
    "a cache's shape, cluster mode": "ClusterEnabled True; shards of [2, 2] nodes; "
    "ConfigurationEndpoint",
    "first rotation, one node": "SUCCEEDED; the version has AWSCURRENT; the user is on with "
    "1 passwords",
    "ModifyUser with Passwords alone": "type password, 1 passwords",
    "second ModifyUser on the user": "refused: InvalidUserState",
    "the code of a denied call": "AccessDeniedError (AccessDenied)",
}
KINDS = ("one node", "cluster mode")
#: Somebody else's resources, with similar names; the last is another run's.
OTHERS = ("app", "rotation-test-app", "my-rotation-test-01234567", "rotation-test-01234567-x")
USER = {"UserName": "default", "Engine": "redis", "AccessString": "off", "NoPasswordRequired": True}
#: What removal looks for, and what stacks create.
LISTED = (
    ("elasticache", "describe_users", "Users[].UserId"),
    ("elasticache", "describe_user_groups", "UserGroups[].UserGroupId"),
    ("elasticache", "describe_replication_groups", "ReplicationGroups[].ReplicationGroupId"),
    ("elasticache", "describe_serverless_caches", "ServerlessCaches[].ServerlessCacheName"),
    ("secretsmanager", "list_secrets", "SecretList[].Name"),
    ("s3", "list_buckets", "Buckets[].Name"),
    ("logs", "describe_log_groups", "logGroups[].logGroupName"),
    ("lambda", "list_functions", "Functions[].FunctionName"),
    ("iam", "list_roles", "Roles[].RoleName"),
    ("cloudformation", "describe_stacks", "Stacks[?StackStatus!='DELETE_COMPLETE'].StackName"),
)


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws(tmp_path_factory.mktemp("aws"), modifying_seconds=0.3) as aws:
        elasticache, template = aws.client("elasticache"), '{"Resources": {"A": {"Type": "%s"}}}'
        for name in OTHERS:
            elasticache.create_user(UserId=name, **USER)
            group = {"UserGroupId": name, "Engine": "redis"}
            elasticache.create_user_group(**group, UserIds=[name])
            elasticache.create_serverless_cache(ServerlessCacheName=name, **group)
            aws.client("secretsmanager").create_secret(Name=name, SecretString="{}")
            aws.client("s3").create_bucket(Bucket=name)
            aws.client("logs").create_log_group(logGroupName=f"/aws/lambda/{name}")
            aws.client("cloudformation").create_stack(
                StackName=f"{name}-rotates", TemplateBody=template % "AWS::SNS::Topic"
            )
        yield aws


@pytest.fixture
def account(aws: LocalAws) -> Iterator[Account]:
    """A new run's; it leaves nothing, and touches nothing of the others."""
    clients = {service: aws.client(service) for service, *_ in LISTED}

    def everything() -> set[str]:
        return {
            f"{call} {name}"
            for service, call, names in LISTED
            for name in clients[service].get_paginator(call).paginate().search(names)
        }

    before = everything()
    yield program.account_on(aws)
    assert everything() == before


def test_it_asks_reports_and_removes(account: Account, tmp_path: Path) -> None:
    all_ = {question.name: question for question in program.questions_about(KINDS)}
    known = [all_[name] for name in SHORT]
    odd = Question("odd", "", "", not_understood)
    failing = Question("failing", "", "", lambda env: rotated(env, env.user(bound_to="another")))
    questions = [*known[:2], odd, failing, *known[2:]]
    answers: dict[str, Any] = {}
    assert program.ask_all(account, KINDS, questions, answers) == ""
    assert {name: answers[name].text for name in SHORT} == SHORT

    # What the function logs of a failure: the error's name, and a text of our own.
    assert answers["failing"].text.startswith("FAILED")
    shown = answers["failing"].measured["the rotation function"]
    assert "failed RotationFailedError The rotation FAILED in state Check Target" in shown

    # What was not understood: where, and the names and types in AWS's last responses.
    assert answers["odd"].text == "an unexpected answer: ValueError"
    assert answers["odd"].measured["at"].startswith("questions.py: ")
    assert re.match(
        r"GetSecretValue: \{.*SecretString: str", answers["odd"].measured["answers"][-1]
    )
    report.write(tmp_path / "report", {}, questions, answers, {}, "")
    text = (tmp_path / "report").read_text()
    assert "| second ModifyUser on the user | While it is modifying" in text
    assert "password-not-shown" not in text


def not_understood(env: Environment) -> str:
    return str(int(env.user(secret_password="password-not-shown").value()["password"]))


def test_the_report_compares_the_answers(tmp_path: Path) -> None:
    asked = [Question(name, "", "", not_understood) for name in ("odd", "other", "one", "left out")]
    odd = Answer("an unexpected answer: KeyError", expected=False)
    local = {"odd": odd, "other": Answer("1"), "one": Answer(f"quotes {'0a' * 8}")}
    account = {"odd": odd, "other": Answer("2"), "one": Answer(f"quotes {'1b' * 8}")}
    report.write(tmp_path / "report", {}, asked, local, account, "it broke")
    text = (tmp_path / "report").read_text()
    verdicts = re.findall(r"^\| (odd|other|one|left out) \|.* (\w+) \|$", text, re.MULTILINE)
    assert verdicts == [
        *(("odd", "unexpected"), ("other", "different"), ("one", "same"), ("left out", "asked"))
    ]
    assert "1 same, 1 different, 1 unexpected, 1 not asked" in text
    assert "ended early: it broke" in text


@pytest.mark.parametrize(
    "error, why",
    [
        (LocalAwsError("It was not deployed."), "not built: It was not deployed."),
        (KeyError("Outputs"), "not built: an unexpected answer: KeyError"),
    ],
)
def test_trials_need_no_stack(
    account: Account, monkeypatch: Patch, error: Exception, why: str
) -> None:
    monkeypatch.setattr(Environment, "build", Mock(side_effect=error))
    monkeypatch.setattr(trials, "start", lambda *_: {"plan": "its trial"})
    before, after = (Question(name, "", "", str, plan="plan") for name in ("before", "after"))
    questions = [before, Question("on a cache", "", "", lambda _: "2"), after]
    answers: dict[str, Answer] = {}
    assert program.ask_all(account, (), questions, answers).startswith(why)
    assert answers == dict.fromkeys(("before", "after"), Answer("its trial"))


@pytest.mark.parametrize(
    "call, number, plan",
    [
        # A stack half created, a cache in use, and a running rotation.
        ("ExecuteChangeSet", 2, ""),
        ("CreateServerlessCache", 1, ""),
        ("RotateSecret", 1, "without RotationToken"),
    ],
)
def test_an_interrupted_run_is_removed(account: Account, call: str, number: int, plan: str) -> None:
    """Ctrl-C just when the call has taken effect, before its response is used."""
    make = account.make_client
    interrupt = Mock(side_effect=[*[None] * (number - 1), KeyboardInterrupt])

    def interrupted(service: str) -> Any:
        client = make(service)
        client.meta.events.register(f"after-call.*.{call}", interrupt)
        return client

    account.make_client = interrupted
    question = Question("any", "", "", lambda _: "", plan=plan)
    with pytest.raises(KeyboardInterrupt):
        program.ask_all(account, ("one node", "serverless"), [question], {})
    assert interrupt.call_count == number


def test_what_cannot_be_removed_is_named(account: Account) -> None:
    elasticache, now = account.client("elasticache"), account.now
    elasticache.create_user(UserId=f"{account.run}-user", **USER)

    busy = {"Error": {"Code": "InvalidUserState", "Message": "busy"}}
    deny = Mock(side_effect=ClientError(busy, "DeleteUser"))
    elasticache.meta.events.register("before-call.elasticache.DeleteUser", deny)
    ticks = iter(range(0, 10**6, 100))
    account.now = lambda: next(ticks)
    with pytest.raises(NotRemovedError, match=rf"user {account.run}-user .*busy"):
        remove(account, print)
    elasticache.meta.events.unregister("before-call.elasticache.DeleteUser", deny)
    account.now = now
    assert remove(account, print) == [f"user {account.run}-user"]


def test_a_run_that_takes_too_long_stops_asking(account: Account) -> None:
    answers: dict[str, Any] = {}
    ended = program.ask_all(account, (), [Question("any", "", "", str)], answers, seconds=-1)
    assert (ended[:5], answers) == ("after", {})


@pytest.mark.parametrize(
    "service, call, names",
    [
        ("elasticache", "delete_user", {"UserId": "rotation-test-app"}),
        # pragma: allowlist nextline secret
        ("secretsmanager", "delete_secret", {"SecretId": "my/rotation-test-89abcdef0"}),
        ("logs", "filter_log_events", {"logGroupName": "/aws/lambda/app"}),
        ("s3", "delete_bucket", {"Bucket": "x-rotation-test-89abcdef"}),
        # Not among the calls that it makes
        ("elasticache", "delete_cache_cluster", {"CacheClusterId": "rotation-test-89abcdef-a"}),
        ("iam", "delete_role", {"RoleName": "rotation-test-89abcdef-role"}),
    ],
)
def test_no_call_touches_what_is_not_its_own(service: str, call: str, names: Any) -> None:
    # Nobody listens there: a call that is let through fails otherwise.
    make = lambda service: make_client(service, "http://127.0.0.1:9")  # noqa: E731
    client = Account(make, "rotation-test-89abcdef", pytest.fail).client(service)
    with pytest.raises(NotOursError):
        getattr(client, call)(**names)


def test_secrets_manager_can_be_asked_alone() -> None:
    assert program.kinds_of("none") == ()
    with pytest.raises(program.RefusedError, match="'x' is not one of one node"):
        program.kinds_of("serverless,x")
    alone = program.questions_about(())
    assert alone == [*contract.FIRST, *contract.LAST]
    assert all(question.plan for question in alone)
    names = [question.name for question in program.questions_about(CACHES)]
    assert len(names) == len(set(names))
    assert "first rotation, replicas" not in {it.name for it in program.questions_about(KINDS)}


@pytest.mark.parametrize("arguments, cost", [([], r"about \$0\.\d\d"), (["--clean"], "nothing")])
def test_without_consent_nothing_is_created(
    aws: LocalAws, monkeypatch: Patch, capsys: Any, arguments: list[str], cost: str
) -> None:
    made: list[str] = []

    def noting(service: str) -> Any:
        client = aws.client(service)
        client.meta.events.register("before-call.*.*", lambda model, **_: made.append(model.name))
        return client

    monkeypatch.setattr(program, "_aws_client", noting)
    for consent, message in (
        ("", f"this costs {cost} .*in your AWS account; .*CONSENT=spend-money-in-"),
        ("yes", "Nothing was called"),
        ("spend-money-in-210987654321", "the credentials are of account 123456789012"),
    ):
        assert made == []
        monkeypatch.setenv("CONSENT", consent)
        assert program.main(arguments) == 2
        assert re.match(f"refused: .*{message}", capsys.readouterr().err)
    assert made == ["GetCallerIdentity"]


def test_with_consent_it_cleans(aws: LocalAws, account: Account, monkeypatch: Patch) -> None:
    account.client("elasticache").create_user(UserId=f"{account.run}-user", **USER)
    account.client("s3").create_bucket(Bucket=account.run)
    monkeypatch.setattr(program, "_aws_client", aws.client)
    monkeypatch.setattr(program, "Account", partial(Account, pause=0.05))
    monkeypatch.setenv("CONSENT", "spend-money-in-123456789012")
    assert program.main(["--clean", "--run", "app"]) == 2
    assert program.main(["--clean", "--run", account.run]) == 0


def test_the_estimate_grows_with_what_is_asked_for() -> None:
    assert set(CACHE_HOUR) == set(CACHES)
    few, some, most = (estimate(kinds) for kinds in ((), ("one node",), CACHES))
    assert few[0] < some[0] < most[0]
    assert 0 < few[1] < some[1] < most[1] < 2
