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
    text = text.replace("{username}", tenant.username).replace("{arn}", tenant.user()["ARN"])
    tenant.put(text)
    return text


def text_of(tenant: InProcessTenant) -> str:
    return tenant.inside.text(tenant.secret_arn)


@pytest.mark.parametrize(
    "text,values",
    [
        (f'{{\r\n  {NAMES},\r\n  "password" : "{P}",\r\n  "port": 6379\r\n}}\r\n', 1),
        (
            f'{{{NAMES}, "services": {{"cache": [{{"dsn": "rediss://app:{QUOTED}@h/1"}}]}}, '
            f'"password": "{P}"}}',
            2,
        ),
    ],
    ids=["pretty-printed", "nested DSN"],
)
def test_a_secret_of_any_shape_is_rotated_twice(
    inside: InProcess, monkeypatch: pytest.MonkeyPatch, text: str, values: int
) -> None:
    monkeypatch.setenv("PASSWORD_CHARACTERS", "All")
    tenant = served(inside, password=P)
    before = put(tenant, text)
    assert tenant.succeeds(DryRun=True)["Target"]["ChangedValues"] == values
    assert text_of(tenant) == before
    for _ in range(2):
        assert tenant.succeeds()["ChangedValues"] == values
    new = tenant.value()["password"]
    quoted = quote(new, safe="")
    assert text_of(tenant) == before.replace(QUOTED, quoted).replace(P, json.dumps(new)[1:-1])
    assert tenant.logins(new) == {True}
    assert tenant.logins(P) == {False}


RULES = [
    "on clearselectors resetkeys ~prod:* resetchannels &prod:* -@all +@fast +client|setname +info",
    "on ~app:* -@all +get (~temp:* -@all +set)",
    "ON ~* +@ALL",
]


@pytest.mark.parametrize("switch", ["on", "off"])
@pytest.mark.parametrize("rules", RULES)
def test_a_user_is_turned_on_and_keeps_rules(inside: InProcess, rules: str, switch: str) -> None:
    user: dict[str, Any] = {"password": None} if switch == "off" else {}
    tenant = served(inside, AccessString=f"{switch}{rules[2:]}", **user)
    for _ in range(2):
        tenant.rotate()
    assert tenant.user()["AccessString"].lower() == f"on{rules[2:]}".lower()
    assert tenant.current_logs_in()


def test_caches_in_another_vpc_are_named(
    inside: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = served(inside)
    tenant.serve("replicas")
    far = tenant.caches[1]
    tenant.world.arm("drop-node:3")
    tenant.fails("EndpointUnreachableError")
    monkeypatch.setenv("CACHES_NOT_TESTED", far)
    assert tenant.succeeds(DryRun=True)["Network"]["NotTested"] == [far]
    output = tenant.succeeds()
    assert (output["EndpointsTested"], output["NotTested"]) == (1, [far])
