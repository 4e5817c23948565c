"""Secrets and users as people have them: rotated twice with a login at the end, or refused."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.histories.in_process import InProcess
from tests.histories.worlds import InProcessTenant, served

#: In a URL it is not what it is elsewhere.
P = "first:pass+word%0123"
QUOTED = quote(P, safe="")
#: What a secret's text begins with, by the names that the user gets.
NAMES = '"username": "{username}", "user_arn": "{arn}"'


def put(tenant: InProcessTenant, text: str) -> str:
    """Save the secret with this text, in which names stand for the user's."""
    names = {"{username}": tenant.username, "{arn}": tenant.user()["ARN"]}
    for name, value in names.items():
        text = text.replace(name, value)
    tenant.world.secrets.put_secret_value(SecretId=tenant.secret_arn, SecretString=text)
    return text


def text_of(tenant: InProcessTenant) -> str:
    found = tenant.world.secrets.get_secret_value(SecretId=tenant.secret_arn)["SecretString"]
    return str(found)


@pytest.mark.parametrize(
    "text,values",
    [
        (
            f'{{{NAMES}, "password": "{P}", "host": "h", "port": 6379, "ssl": true, '
            '"timeout": 1.50, "nested": {"a": [1, 2]}, "ümlaut": "日本"}',
            1,
        ),
        (f'{{\r\n  {NAMES},\r\n  "password" : "{P}",\r\n  "port": 6379\r\n}}\r\n', 1),
        (
            f'{{{NAMES}, "password": "{P}", "url": "rediss://app:{QUOTED}@h:6379/0", '
            f'"REDIS_PASSWORD": "{P}"}}',
            3,
        ),
        (
            f'{{{NAMES}, "services": {{"cache": [{{"dsn": "rediss://app:{QUOTED}@h/1"}}]}}, '
            f'"password": "{P}"}}',
            2,
        ),
        (f'{{{NAMES}, "password": "{P}", "auth_token": "{P}"}}', 2),
    ],
    ids=["numbers and nested", "pretty-printed", "URL and copy", "nested DSN", "auth_token"],
)
def test_a_secret_of_any_shape_is_rotated_twice(
    inside: InProcess, monkeypatch: pytest.MonkeyPatch, text: str, values: int
) -> None:
    monkeypatch.setenv("PASSWORD_CHARACTERS", "All")
    tenant = served(inside, password=P)
    before = put(tenant, text)
    dry = json.loads(tenant.start(DryRun=True)["output"])
    assert dry["Target"]["ChangedValues"] == values
    for _ in range(2):
        execution = tenant.start()
        assert execution["status"] == "SUCCEEDED", execution.get("cause")
        assert json.loads(execution["output"])["ChangedValues"] == values
    new = tenant.value()["password"]
    quoted = quote(new, safe="")
    assert text_of(tenant) == before.replace(QUOTED, quoted).replace(P, json.dumps(new)[1:-1])
    assert tenant.logins(new) == {True}
    assert tenant.logins(P) == {False}


@pytest.mark.parametrize(
    "text,error,hint",
    [
        (f'{{"username": "{{username}}", "password": "{P}"}}', "SecretFormatError", '"user_arn"'),
        (
            f'{{{NAMES}, "password": "{P}\\n"}}',
            "SecretFormatError",
            "last character is a line break",
        ),
        (
            f'{{"userName": "u", "userArn": "a", "password": "{P}"}}',
            "SecretFormatError",
            'rename "userName" to "username", "userArn" to "user_arn"',
        ),
        (
            f'{{"username": "{{username}}", "user_arn": "arn:aws:elasticache:us-east-1:123456789012'
            f':usergroup:g", "password": "{P}"}}',
            "UserMismatchError",
            "the ARN of a user group",
        ),
        (f"rediss://app:{P}@h:6379/0", "SecretFormatError", "not valid JSON"),
        (f'[{{{NAMES}, "password": "{P}"}}]', "SecretFormatError", "a list"),
    ],
)
def test_a_secret_that_cannot_be_rotated_is_refused_and_nothing_is_changed(
    inside: InProcess, text: str, error: str, hint: str
) -> None:
    tenant = served(inside, password=P)
    before = put(tenant, text)
    execution = tenant.start()
    assert (execution["status"], execution["error"]) == ("FAILED", error)
    assert hint in execution["cause"]
    assert text_of(tenant) == before
    assert tenant.logins(P) == {True}


RULES = [
    "on ~app::* -@all +@read +@hash -setbit -bitfield -hset",
    "on clearselectors resetkeys ~prod:* resetchannels &prod:* -@all +@fast +client|setname +info",
    "on %R~ro:* %W~wo:* -@all +@read +@write",
    "on ~app:* -@all +get (~temp:* -@all +set)",
    "ON ~* +@ALL",
]


@pytest.mark.parametrize("rules", RULES)
def test_users_with_any_rules_keep_them(inside: InProcess, rules: str) -> None:
    tenant = served(inside, AccessString=rules)
    kept = tenant.user()["AccessString"]
    for _ in range(2):
        tenant.rotate()
    assert tenant.user()["AccessString"] == kept
    assert tenant.logins(tenant.value()["password"]) == {True}


@pytest.mark.parametrize("rules", RULES)
def test_inactive_users_are_turned_on_and_keep_every_other_rule(
    inside: InProcess, rules: str
) -> None:
    off: dict[str, Any] = {"AccessString": f"off{rules[2:]}", "password": None}
    tenant = served(inside, **off)
    for _ in range(2):
        tenant.rotate()
    assert tenant.user()["AccessString"].lower() == f"on{rules[2:]}".lower()
    assert tenant.logins(tenant.value()["password"]) == {True}


def test_a_cache_in_another_vpc_is_left_out_and_named(
    inside: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = served(inside)
    tenant.serve("replicas")
    far = tenant.caches[1]
    tenant.world.arm("drop-node:3")
    assert tenant.start()["error"] == "EndpointUnreachableError"
    monkeypatch.setenv("CACHES_NOT_TESTED", far)
    dry = json.loads(tenant.start(DryRun=True)["output"])
    assert dry["Network"]["NotTested"] == [far]
    output = json.loads(tenant.start()["output"])
    assert (output["EndpointsTested"], output["NotTested"]) == (1, [far])


# After another tool


def modify(tenant: InProcessTenant, **how: Any) -> None:
    """Another tool changes the user, and waits until it is active."""
    tenant.world.elasticache.modify_user(UserId=tenant.user_id, **how)
    tenant.world.inside.stage.pass_time(10)


def test_a_version_that_awss_own_function_has_left_is_no_obstacle(inside: InProcess) -> None:
    tenant = served(inside)
    text = json.dumps({**tenant.value(), "password": "a,password,with,commas"})
    tenant.world.secrets.put_secret_value(
        SecretId=tenant.secret_arn, SecretString=text, VersionStages=["AWSPENDING"]
    )
    assert tenant.start()["status"] == "SUCCEEDED"
    assert tenant.logins(tenant.value()["password"]) == {True}


def test_an_access_string_that_terraform_has_set_back_is_refused_by_name(
    inside: InProcess,
) -> None:
    tenant = served(inside)
    assert tenant.start()["status"] == "SUCCEEDED"
    modify(tenant, AccessString="off ~app:* +get")
    refused = tenant.start()
    assert refused["error"] == "UserDisabledError"
    assert '"on" in its access string' in refused["cause"]
    modify(tenant, AccessString="on ~app:* +get")
    assert tenant.start()["status"] == "SUCCEEDED"


def test_a_password_that_terraform_has_set_back_is_refused_and_heals_by_hand(
    inside: InProcess,
) -> None:
    tenant = served(inside)
    first = tenant.value()["password"]
    assert tenant.start()["status"] == "SUCCEEDED"
    modify(tenant, Passwords=[first])
    refused = tenant.start()
    assert refused["error"] == "CurrentPasswordRefusedError"
    assert "ReplaceUnknownPassword" in refused["cause"]
    assert tenant.logins(first) == {True}
    assert tenant.start(ReplaceUnknownPassword=True)["status"] == "SUCCEEDED"
    assert tenant.logins(tenant.value()["password"]) == {True}
