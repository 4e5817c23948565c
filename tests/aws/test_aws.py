"""`make test-aws` with a local AWS as the account: what it asks, removes, and never touches."""

import functools
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.instance import LocalAws, LocalAwsError, make_client
from local.package import lambda_package
from tools.aws import __main__ as program
from tools.aws import report
from tools.aws.account import Account, NotOursError, new_run, owner, shape
from tools.aws.answers import Answer, Case
from tools.aws.cases import cases
from tools.aws.cost import NODES, estimate
from tools.aws.removal import NotRemovedError, remove
from tools.aws.rotations import _rotated
from tools.aws.scene import CACHES, Scene

#: Some questions, and what the local AWS answers.
SHORT = {
    "a version: with RotationToken": ("rotated: createSecret, setSecret, testSecret, finishSecret"),
    "a cache's shape, cluster mode": (
        "ClusterEnabled True; shards of [2, 2] nodes; ConfigurationEndpoint"
    ),
    "first rotation, one node": (
        "SUCCEEDED; the version has AWSCURRENT; the user is on with 1 passwords"
    ),
    "ModifyUser with Passwords alone": "type password, 1 passwords",
    "second ModifyUser on the user": "refused: InvalidUserState",
    "the code of a denied call": "AccessDeniedError (AccessDenied)",
}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws(tmp_path_factory.mktemp("aws"), modifying_seconds=0.3) as aws:
        _make_others(aws)
        yield aws


@pytest.fixture
def account(aws: LocalAws) -> Account:
    return program.local_account(aws, new_run())


# Somebody else's, with names that come close; the last is another run's.
OTHERS = ("app", "rotation-test-app", "my-rotation-test-01234567", "rotation-test-01234567-x")


def _make_others(aws: LocalAws) -> None:
    elasticache, template = aws.client("elasticache"), '{"Resources": {"A": {"Type": "%s"}}}'
    for name in OTHERS:
        user = {"UserId": name, "UserName": "default", "Engine": "redis", "AccessString": "off"}
        elasticache.create_user(**user, NoPasswordRequired=True)
        elasticache.create_user_group(UserGroupId=name, Engine="redis", UserIds=[name])
        elasticache.create_serverless_cache(
            ServerlessCacheName=name, Engine="redis", UserGroupId=name
        )
        aws.client("secretsmanager").create_secret(Name=name, SecretString="{}")
        aws.client("s3").create_bucket(Bucket=name)
        aws.client("logs").create_log_group(logGroupName=f"/aws/lambda/{name}")
        aws.client("cloudformation").create_stack(
            StackName=f"{name}-rotates", TemplateBody=template % "AWS::SNS::Topic"
        )


@functools.cache
def client(aws: LocalAws, service: str) -> Any:
    return aws.client(service)


def everything(aws: LocalAws) -> set[str]:
    """The names of all that removal looks for, of any owner."""
    elasticache = client(aws, "elasticache")
    stacks = client(aws, "cloudformation").describe_stacks()["Stacks"]
    found = [
        [it["UserId"] for it in elasticache.describe_users()["Users"]],
        [it["UserGroupId"] for it in elasticache.describe_user_groups()["UserGroups"]],
        [
            it["ReplicationGroupId"]
            for it in elasticache.describe_replication_groups()["ReplicationGroups"]
        ],
        [
            it["ServerlessCacheName"]
            for it in elasticache.describe_serverless_caches()["ServerlessCaches"]
        ],
        [it["Name"] for it in client(aws, "secretsmanager").list_secrets()["SecretList"]],
        [it["Name"] for it in client(aws, "s3").list_buckets()["Buckets"]],
        [it["logGroupName"] for it in client(aws, "logs").describe_log_groups()["logGroups"]],
        [it["FunctionName"] for it in client(aws, "lambda").list_functions()["Functions"]],
        [it["RoleName"] for it in client(aws, "iam").list_roles()["Roles"]],
        [it["StackName"] for it in stacks if it["StackStatus"] != "DELETE_COMPLETE"],
    ]
    return {f"{kind} {name}" for kind, names in enumerate(found) for name in names}


def test_it_asks_reports_and_removes_all_that_is_its_own(
    aws: LocalAws, account: Account, tmp_path: Path
) -> None:
    before, kinds = everything(aws), ("one node", "cluster mode")
    all_ = {case.name: case for case in cases(kinds, 0)}
    known = [all_[name] for name in SHORT]
    odd = Case("odd", "", "", _not_understood)
    failing = Case("failing", "", "", lambda it: _rotated(it, it.user(bound_to="another")))
    questions = [*known[:2], odd, failing, *known[2:]]
    answers: dict[str, Any] = {}
    assert program.interview(account, kinds, questions, answers) == ""
    assert {name: answers[name].text for name in SHORT} == SHORT
    assert everything(aws) == before

    # What the function logs of a failure: the error's name, and a text of our own.
    assert answers["failing"].text.startswith("FAILED")
    shown = answers["failing"].measured["the rotation function"]
    assert "failed RotationFailedError The rotation FAILED in state Check Target" in shown

    markdown, data = report.write(tmp_path, {"region": "x"}, questions, answers, {}, "it broke")
    rows = {row["name"]: row for row in json.loads(data.read_text())["rows"]}
    assert [rows[name]["local"]["text"] for name in SHORT] == list(SHORT.values())
    assert {row["verdict"] for row in rows.values()} == {"not asked"}
    assert "| second ModifyUser on the user | While it is modifying" in markdown.read_text()
    assert "ended early: it broke" in markdown.read_text()
    assert rows["odd"]["local"]["text"] == "an unexpected answer: ValueError"
    [*_, last] = rows["odd"]["local"]["measured"]["answers"]
    assert re.match(r"GetSecretValue: \{.*SecretString: str", last)
    assert "not-to-be-told" not in markdown.read_text() + data.read_text()


def _not_understood(scene: Scene) -> Answer:
    user = scene.user(secret_password="not-to-be-told")
    return Answer(str(int(user.value()["password"])))


def test_an_answer_that_was_not_understood_is_neither_the_same_nor_different(
    tmp_path: Path,
) -> None:
    asked = [Case(name, "", "", _not_understood) for name in ("odd", "other", "one", "left out")]
    odd = Answer("an unexpected answer: KeyError", expected=False)
    local = {"odd": odd, "other": Answer("1"), "one": Answer("1")}
    account = {"odd": odd, "other": Answer("2"), "one": Answer("1")}
    markdown, data = report.write(tmp_path, {}, asked, local, account, "")
    verdicts = [row["verdict"] for row in json.loads(data.read_text())["rows"]]
    assert verdicts == ["unexpected", "different", "same", "not asked"]
    assert "1 same, 1 different, 1 unexpected, 1 not asked" in markdown.read_text()


def test_the_shape_of_an_answer_has_no_value() -> None:
    answer = {"SecretString": "s", "Versions": [{"Id": 1}, {"Id": 2}], "Stages": [], "N": None}
    assert shape(answer) == (
        "{SecretString: str, Versions: [{Id: int} x 2], Stages: [], N: NoneType}"
    )


@pytest.mark.parametrize(
    "error, why",
    [
        (LocalAwsError("The template was not deployed."), "not built: The template was not"),
        (KeyError("Outputs"), "not built: an unexpected answer: KeyError"),
    ],
)
def test_what_needs_no_cache_is_asked_even_if_the_stack_was_not_deployed(
    account: Account, monkeypatch: pytest.MonkeyPatch, error: Exception, why: str
) -> None:
    def build(*_: Any) -> None:
        raise error

    monkeypatch.setattr(program, "build", build)
    questions = [
        Case("before", "", "", lambda _: Answer("1"), caches=False),
        Case("on a cache", "", "", lambda _: Answer("2")),
        Case("after", "", "", lambda _: Answer("3"), caches=False),
    ]
    answers: dict[str, Answer] = {}
    assert program.interview(account, (), questions, answers).startswith(why)
    assert answers == {"before": Answer("1"), "after": Answer("3")}


# Each call that makes something; the second change set is that of our stack.
STAGES = [
    ("CreateChangeSet", 1),
    ("ExecuteChangeSet", 1),
    ("CreateBucket", 1),
    ("PutObject", 3),
    ("CreateChangeSet", 2),
    ("ExecuteChangeSet", 2),
    ("CreateUser", 1),
    ("CreateSecret", 1),
    ("CreateUser", 2),
    ("CreateUserGroup", 1),
    ("CreateReplicationGroup", 1),
    ("CreateServerlessCache", 1),
]
# The same of the trials, which come first.
TRIAL_STAGES = [
    ("CreateChangeSet", 1),
    ("ExecuteChangeSet", 1),
    ("CreateSecret", 1),
    ("RotateSecret", 1),
]
# Those that leave a rotation at work, a stack half made, and a cache in use; STAGES=all for every
# one.
SOME = [("ExecuteChangeSet", 2), ("CreateServerlessCache", 1)]
ALL = os.environ.get("STAGES") == "all"


@pytest.mark.parametrize(
    "call, number, trials",
    [
        *((*stage, ()) for stage in (STAGES if ALL else SOME)),
        *((*stage, ("without RotationToken",)) for stage in TRIAL_STAGES[0 if ALL else -1 :]),
    ],
)
def test_nothing_is_left_of_a_run_that_is_interrupted(
    aws: LocalAws, account: Account, call: str, number: int, trials: tuple[str, ...]
) -> None:
    """Ctrl-C just when the call has taken effect, before its answer is used."""
    before = everything(aws)
    met = []
    make = account.make_client

    def interrupted(service: str) -> Any:
        client = make(service)

        def interrupt(**_: Any) -> None:
            met.append(call)
            if len(met) == number:
                raise KeyboardInterrupt

        client.meta.events.register(f"after-call.*.{call}", interrupt)
        return client

    account.make_client = interrupted
    asked = Case("any", "", "", lambda _: Answer(""), trials=trials)
    with pytest.raises(KeyboardInterrupt):
        program.interview(account, ("one node", "serverless"), [asked], {})
    assert len(met) >= number
    assert everything(aws) == before


def test_what_a_killed_run_left_is_removed_by_name_and_other_runs_are_left(aws: LocalAws) -> None:
    before = everything(aws)
    killed = program.local_account(aws, new_run())
    users = killed.client("elasticache")
    user = {"UserName": "app", "Engine": "redis", "AccessString": "off", "NoPasswordRequired": True}
    users.create_user(UserId=f"{killed.run}-user", **user)
    killed.client("s3").create_bucket(Bucket=killed.run)
    assert everything(aws) != before
    removed = remove(program.local_account(aws, killed.run), print)
    assert removed == [f"user {killed.run}-user", f"bucket {killed.run}"]
    assert everything(aws) == before


def test_what_cannot_be_removed_is_named(aws: LocalAws, account: Account) -> None:
    now = iter(range(0, 10**6, 100))
    account.clock, account.sleep = lambda: next(now), lambda _: None
    user = {"UserName": "app", "Engine": "redis", "AccessString": "off", "NoPasswordRequired": True}
    account.client("elasticache").create_user(UserId=f"{account.run}-user", **user)
    elasticache = account.client("elasticache")

    def deny(**_: Any) -> Any:
        raise elasticache.exceptions.InvalidUserStateFault(
            {"Error": {"Code": "InvalidUserState", "Message": "busy"}}, "DeleteUser"
        )

    elasticache.meta.events.register("before-call.elasticache.DeleteUser", deny)
    with pytest.raises(NotRemovedError, match=rf"user {account.run}-user .*busy"):
        remove(account, print)
    elasticache.meta.events.unregister("before-call.elasticache.DeleteUser", deny)
    remove(program.local_account(aws, account.run), print)


def test_a_run_that_takes_too_long_stops_asking(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: dict[str, Any] = {}
    asked = [Case("any", "", "", lambda _: Answer(""))]
    ended = program.interview(account, (), asked, answers, seconds=0)
    assert (ended, answers) == ("after 0.0 hours", {})


@pytest.mark.parametrize(
    "service, call",
    [
        ("elasticache", lambda it: it.delete_user(UserId="app")),
        ("elasticache", lambda it: it.delete_user(UserId="rotation-test-app")),
        ("elasticache", lambda it: it.delete_user(UserId="rotation-test-01234567-x")),
        (
            "elasticache",
            lambda it: it.modify_replication_group(ReplicationGroupId="rotation-test-89abcdef-a"),
        ),
        ("secretsmanager", lambda it: it.delete_secret(SecretId="my/rotation-test-89abcdef0")),
        ("secretsmanager", lambda it: it.get_secret_value(SecretId="app")),
        ("logs", lambda it: it.filter_log_events(logGroupName="/aws/lambda/app")),
        ("cloudformation", lambda it: it.delete_stack(StackName="elasticache-rotation")),
        ("s3", lambda it: it.delete_bucket(Bucket="x-rotation-test-89abcdef")),
        ("iam", lambda it: it.delete_role(RoleName="rotation-test-89abcdef-role")),
    ],
)
def test_no_call_touches_what_is_not_its_own(service: str, call: Callable[[Any], None]) -> None:
    # Nobody listens there: a call that is let through fails otherwise.
    account = Account(
        lambda service: make_client(service, "http://127.0.0.1:9"),
        "rotation-test-89abcdef",
        lambda_package,
    )
    with pytest.raises(NotOursError):
        call(account.client(service))


def test_secrets_manager_can_be_asked_alone() -> None:
    parse = program._parser().parse_args
    assert parse(["--caches", "none"]).caches == ()
    assert parse(["--caches", "serverless"]).caches == ("serverless",)
    alone = cases((), 0)
    assert alone
    assert not any(case.caches for case in alone)
    names = [case.name for case in cases(CACHES, 0)]
    assert len(names) == len(set(names))
    assert names[0] == alone[0].name == "a version: with RotationToken"


def test_only_names_of_runs_have_an_owner() -> None:
    run = new_run()
    mine = (run, f"{run}-user-1", f"/aws/lambda/{run}-rotates")
    assert [owner(name) for name in mine] == [run] * 3
    strangers = ("app", "rotation-test-app", f"x{run}", f"{run}0", "rotation-test-0123456g-x")
    assert not any(owner(name) for name in strangers)


@pytest.mark.parametrize(
    "consent, said",
    [
        (None, r"refused: this costs about \$0\.\d\d and \d\.\d hours .*CONSENT=spend-money-in-"),
        ("yes", r"refused: this costs .*Nothing was called"),
        ("spend-money-in-210987654321", r"refused: the credentials are of account 123456789012"),
    ],
)
@pytest.mark.parametrize("arguments", [[], ["--clean"]])
def test_without_consent_that_names_the_account_nothing_is_made(
    aws: LocalAws,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    consent: str | None,
    said: str,
    arguments: list[str],
) -> None:
    calls = []

    def noted(service: str) -> Any:
        made = aws.client(service)
        made.meta.events.register("before-call.*.*", lambda model, **_: calls.append(model.name))
        return made

    monkeypatch.setattr(program, "_aws_client", noted)
    monkeypatch.delenv("CONSENT", raising=False)
    if consent:
        monkeypatch.setenv("CONSENT", consent)
    assert program.main(arguments) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    if not arguments or consent:
        assert re.search(said, printed)
    right_form = consent and consent.startswith("spend")
    assert calls == (["GetCallerIdentity"] if right_form else [])


def test_with_consent_it_cleans(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = everything(aws)
    run = new_run()
    aws.client("s3").create_bucket(Bucket=run)
    monkeypatch.setattr(program, "_aws_client", aws.client)
    monkeypatch.setenv("CONSENT", "spend-money-in-123456789012")
    assert program.main(["--clean", "--run", run]) == 0
    assert f"removing bucket {run}" in capsys.readouterr().out
    assert everything(aws) == before
    assert program.main(["--clean", "--run", "app"]) == 2


def test_the_estimate_grows_with_what_is_asked_for() -> None:
    assert set(NODES) == set(CACHES)
    small, large = estimate(("one node",), 600), estimate(CACHES, 1800)
    assert 0 < small.total < large.total < 2
    assert small.minutes < large.minutes
    assert small.dollars["serverless cache"] == 0 < large.dollars["serverless cache"]
    assert estimate(CACHES, 7200).total == large.total
    assert estimate(CACHES, 20_000).total > large.total
    assert estimate((), 0).total < small.total
    assert estimate((), 1800).minutes < small.minutes
