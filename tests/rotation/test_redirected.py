"""A person who may write one secret cannot turn its rotation on the user of another."""

import json
from collections.abc import Callable

import pytest

from tests.histories.worlds import InProcessWorld
from tests.rotation.snapshots import snapshot
from tests.rotation.world import Tenant

Write = Callable[[Tenant, Tenant], object]  # by the secret's writer, for the victim


@pytest.fixture
def writer(in_process: InProcessWorld) -> Tenant:
    return in_process.tenant(name="writers")


@pytest.fixture
def victim(in_process: InProcessWorld) -> Tenant:
    return in_process.tenant(name="victims")


def point(writer: Tenant, victim: Tenant) -> None:
    """All that names a user in the secret is now the victim's."""
    writer.edit(user_arn=victim.user()["ARN"], username=victim.username)


def moved(part: int, to: str) -> Write:
    def move(writer: Tenant, victim: Tenant) -> None:
        arn = victim.user()["ARN"].split(":")
        writer.edit(user_arn=":".join([*arn[:part], to, *arn[part + 1 :]]))

    return move


def untagged(writer: Tenant, victim: Tenant) -> None:
    victim.untag()
    point(writer, victim)


def tagged(text: str) -> Write:
    """The victim's tag has that text, with the writer's {name}, {arn} and the like."""

    def bind(writer: Tenant, victim: Tenant) -> None:
        name, arn = writer.secret_name, writer.secret_arn
        victim.tag(text.format(name=name, arn=arn, suffix=arn.rpartition("-")[2]))
        point(writer, victim)

    return bind


def recreated(writer: Tenant, victim: Tenant) -> None:
    """The victim names a secret by its ARN; it is deleted, and the writer makes its namesake."""
    victim.tag(victim.secret_arn)
    secrets, value = victim.world.secrets, victim.value()
    secrets.delete_secret(SecretId=victim.secret_arn, ForceDeleteWithoutRecovery=True)
    made = secrets.create_secret(Name=victim.secret_name, SecretString=json.dumps(value))
    assert made["ARN"] != victim.secret_arn
    writer.secret_arn, writer.secret_name = made["ARN"], victim.secret_name


WAYS: dict[str, tuple[str, Write]] = {
    "user_arn": ("UserMismatchError", lambda w, v: w.edit(user_arn=v.user()["ARN"])),
    "username": ("UserMismatchError", lambda w, v: w.edit(username=v.username)),
    "user_arn and username": ("UserNotBoundError", point),
    "ARN of another region": ("UserMismatchError", moved(3, "eu-west-1")),
    "ARN of another account": ("UserMismatchError", moved(4, "210987654321")),
    "ARN of another partition": ("UserMismatchError", moved(1, "aws-cn")),
    "ARN of a group of the name": ("UserMismatchError", moved(5, "usergroup")),
    "tag missing": ("UserNotBoundError", untagged),
    "tag that the name begins": ("UserNotBoundError", tagged("{name}-2")),
    "tag with a suffix": ("UserNotBoundError", tagged("{name}-{suffix}")),
    "tag with another suffix": ("UserNotBoundError", tagged("{arn}0")),
    "tag with a wildcard": ("UserNotBoundError", tagged("*")),
    "namesake of a deleted secret": ("UserNotBoundError", recreated),
}


def refused(writer: Tenant, victim: Tenant, error: str) -> None:
    """The rotation of the writer's secret ends with that error, and the victim is as before."""
    before, user = snapshot(writer), victim.user()
    assert "The user was not changed." in writer.fails(error)
    assert snapshot(writer) == before
    assert victim.user() == user


@pytest.mark.parametrize("way", WAYS)
def test_a_writer_cannot_rotate_another_user(writer: Tenant, victim: Tenant, way: str) -> None:
    error, redirect = WAYS[way]
    redirect(writer, victim)
    refused(writer, victim, error)


@pytest.mark.parametrize("names", [("app", "app-2"), ("app-2", "app"), ("app", "app-AbCdEf")])
def test_similar_names_are_two_secrets(in_process: InProcessWorld, names: tuple[str, str]) -> None:
    writer, victim = (in_process.tenant(name=name) for name in names)
    point(writer, victim)
    refused(writer, victim, "UserNotBoundError")


def test_users_of_one_name_are_two_users(in_process: InProcessWorld, writer: Tenant) -> None:
    victim = in_process.tenant(UserName="of-both")
    writer.edit(user_arn=victim.user()["ARN"], username="of-both")
    refused(writer, victim, "UserNotBoundError")
