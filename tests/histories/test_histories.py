"""Random histories: rotations, stops, people's acts and faults, in any order that can be.

After each step AWSCURRENT logs in on every node, no edit of the secret is lost, no run reads
SUCCEEDED whose version is not AWSCURRENT, and none reads FAILED whose version is. In the end every
secret rotates, by hand and by Secrets Manager; after a correction only where a person has changed
the user's password, or AWSCURRENT, by themselves. `make soak` has many of them.
"""

import json
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any, cast

import hypothesis.strategies as st
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rotation.rules.executions import is_attempt, version_of
from tests.histories.in_process import MACHINE, InProcess
from tests.histories.worlds import InProcessTenant, InProcessWorld
from tests.rotation.world import FIRST_PASSWORD
from tests.unit.leaks import assert_no_leak

TENANTS = st.integers(0, 1)
BY_HAND = "by-hand-password-0123456789"
#: What an execution by hand is given besides the secret's name.
INPUTS = st.sampled_from([{}, {}, {"DryRun": True}, {"ReplaceUnknownPassword": True}])
#: Functions that write.
WRITING = ("GeneratePassword", "ModifyUser", "PromoteVersion", "CloseRotation")
CALLS = ("PutSecretValue", "UpdateSecretVersionStage", "ModifyUser", "GetSecretValue")
MORE_CALLS = (*CALLS, "DescribeSecret", "DescribeUsers", "Invoke", "DescribeUserGroups")
KINDS = ("throttle", "error-500", "deny", "lose-reply", "kill-before", "kill-after")
FAULTS = st.one_of(
    st.builds(
        "{}:{}:{}{}".format,
        st.sampled_from(KINDS[:3]),
        st.sampled_from(MORE_CALLS),
        st.integers(1, 9),
        st.sampled_from(["", "-"]),
    ),
    st.builds(
        "{}:{}:{}".format, st.sampled_from(KINDS[3:]), st.sampled_from(CALLS), st.integers(1, 3)
    ),
    st.sampled_from(["busy-user:20", "keep-modifying:90", "lag-password:1:9", "drop-node:2"]),
    st.just("kill-before:AUTH:1"),
)
#: What a failed run says where its promotion may have counted: Close Rotation could not look.
UNSEEN = ("is AWSCURRENT is unknown", "and then Close Rotation with")
# A thread of the interpreter that is told to stop.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


class Histories(RuleBasedStateMachine):
    """Two users in one group, one of whom waits for its first password."""

    figures: Counter[str] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self._open = ExitStack()
        inside = self._open.enter_context(InProcess(modifying_seconds=5).set_up())
        self.world, self.stage = InProcessWorld(inside), inside.stage
        self.tenants: list[InProcessTenant] = []
        #: Executions with the number of their tenant.
        self.running: dict[str, int] = {}
        self.ended: dict[str, int] = {}
        #: Tenants that a person may have locked out, until they are seen to be in again.
        self.touched: set[int] = set()
        #: Versions that were seen to be AWSCURRENT.
        self.promoted: set[str | None] = set()
        #: Tokens of a redriven execution: one fails, and another one may promote the version.
        self.redriven: set[str] = set()
        #: What the last edit of each secret has left in it.
        self.notes: dict[int, int | None] = {}
        self.passwords = {FIRST_PASSWORD, BY_HAND}

    @initialize()
    def begin(self) -> None:
        """Users, groups, caches and secrets."""
        off = {"AccessString": "off ~app:* +get", "password": None}
        made = [self.world.tenant(), self.world.tenant(**off)]
        self.tenants = cast(list[InProcessTenant], made)
        first, second = self.tenants
        first.serve("replicas", others=[second])

    # What happens by itself

    @precondition(lambda self: self.stage.parked)
    @rule(choice=st.integers(0, 7), steps=st.sampled_from([1, 1, 3, 10]))
    def go_on(self, choice: int, steps: int) -> None:
        """One of those who wait goes on for a while, whoever else was there before."""
        names = sorted(self.stage.parked)
        name = names[choice % len(names)]
        for _ in range(steps):
            self._step(name)

    @rule(seconds=st.sampled_from([1, 10, 60]))
    def time_passes(self, seconds: int) -> None:
        """Nobody moves."""
        self.stage.pass_time(seconds)

    @rule(tenant=TENANTS)
    def schedule(self, tenant: int) -> None:
        """Secrets Manager begins, or is asked to."""
        self._try(
            lambda: self.world.secrets.rotate_secret(SecretId=self.tenants[tenant].secret_arn)
        )

    # What people do

    @rule(tenant=TENANTS, given=INPUTS)
    def start(self, tenant: int, given: dict[str, bool]) -> None:
        """An execution by hand."""
        self.tenants[tenant].begin(**given)

    @rule(choice=st.integers(0, 7), redriven=st.booleans())
    def start_again(self, choice: int, redriven: bool) -> None:
        """An execution with the input of one that Secrets Manager began: by hand, or as an attempt.

        A redriven attempt runs beside a later one, and both have one token.
        """
        inputs = [json.loads(told["input"]) for told in self.world.inside.executions().values()]
        tokens = {each["ClientRequestToken"]: each for each in inputs if "Attempt" in each}
        if not tokens:
            return
        token, given = sorted(tokens.items())[choice % len(tokens)]
        number = sum(each.get("ClientRequestToken") == token for each in inputs) + 1
        name = {"name": f"{token}-{number}"} if redriven else {}
        self.redriven |= {token} if redriven else set()
        self._try(
            lambda: self.world.step_functions.start_execution(
                stateMachineArn=MACHINE, input=json.dumps({**given, "Attempt": number}), **name
            )
        )

    @precondition(lambda self: self.running)
    @rule(choice=st.integers(0, 7))
    def stop(self, choice: int) -> None:
        """A running execution is stopped; a function of it may still be at work."""
        arn = sorted(self.running)[choice % len(self.running)]
        self.world.step_functions.stop_execution(executionArn=arn)

    @precondition(lambda self: self.running)
    @rule(choice=st.integers(0, 7), function=st.sampled_from(WRITING), steps=st.integers(10, 30))
    def stop_late(self, choice: int, function: str, steps: int) -> None:
        """One is stopped when its function is about to write, and the next one begins before that.

        The function looks first, and is parked a second time when it writes.
        """
        arn = sorted(self.running)[choice % len(self.running)]
        number = self.running[arn]
        for _ in range(steps):
            if self.stage.parked.get(arn) == function:
                break
            self._step(arn)
        self._step(arn)
        if arn in self.running:
            self.world.step_functions.stop_execution(executionArn=arn)
        then = self.tenants[number].begin()
        for _ in range(steps):
            self._step(then)
        self._step(arn)

    @rule(armed=st.lists(FAULTS, max_size=2))
    def faults(self, armed: list[str]) -> None:
        """From now on these, and no others."""
        self.world.arm(*armed)
        self._count("faults", len(armed))

    @rule(tenant=TENANTS)
    def note(self, tenant: int) -> None:
        """Somebody changes another key of the secret: a new AWSCURRENT."""
        self._try(lambda: self._edit(tenant))

    @rule(tenant=TENANTS)
    def unlabel(self, tenant: int) -> None:
        """Somebody takes AWSPENDING off."""
        self._try(lambda: self._move(tenant, "AWSPENDING", None))

    @rule(tenant=TENANTS, logs_in=st.booleans())
    def change_by_hand(self, tenant: int, logs_in: bool) -> None:
        """By docs/operations.md; or only the user's half of it, and nobody has a password then."""
        if not (password := self._password(tenant)):
            return
        self.touched.add(tenant)
        passwords = [BY_HAND, password] if logs_in else [BY_HAND]
        self._try(lambda: self._set_passwords(tenant, passwords))
        if logs_in and self.tenants[tenant].logins(BY_HAND) == {True}:
            self._try(lambda: self._edit(tenant, password=BY_HAND))

    @rule(tenant=TENANTS)
    def revert(self, tenant: int) -> None:
        """Somebody moves AWSCURRENT back to the version before, if that has a password."""
        arn, previous = self.tenants[tenant].secret_arn, self._with(tenant, "AWSPREVIOUS")
        if previous and "password" in self.world.inside.text(arn, "AWSPREVIOUS"):
            self.touched.add(tenant)
            self._try(lambda: self._move(tenant, "AWSCURRENT", previous))
            self.notes[tenant] = json.loads(self.world.inside.text(arn)).get("note")

    @rule(tenant=TENANTS)
    def tidy(self, tenant: int) -> None:
        """Somebody leaves the user AWSCURRENT's password alone."""
        if password := self._password(tenant):
            self.touched.add(tenant)
            self._try(lambda: self._set_passwords(tenant, [password]))

    @rule(tenant=TENANTS)
    def delete(self, tenant: int) -> None:
        """Somebody deletes the secret."""
        arn = self.tenants[tenant].secret_arn
        self._try(lambda: self.world.secrets.delete_secret(SecretId=arn))

    @rule(tenant=TENANTS)
    def restore(self, tenant: int) -> None:
        """Somebody takes that back."""
        self.world.secrets.restore_secret(SecretId=self.tenants[tenant].secret_arn)

    # What holds

    @invariant()
    def holds(self) -> None:
        """The promises, at this instant."""
        if not self.tenants:
            return
        self._count("steps", 1)
        for number, tenant in enumerate(self.tenants):
            value = self._value(number)
            self.promoted.add(self._with(number, "AWSCURRENT"))
            assert value.get("note") == self.notes.get(number), "an edit is lost"
            password = value.get("password")
            if password is None:
                continue
            self.passwords.add(password)
            is_in = tenant.logins(password) == {True}
            assert is_in or number in self.touched, f"{tenant.secret_name} is locked out"
            if is_in and number in self.touched and self._is_settled(number):
                self.touched.discard(number)
        self._look_at_executions()

    def _look_at_executions(self) -> None:
        for arn, told in self.world.inside.executions().items():
            if arn in self.ended:
                continue
            given = json.loads(told["input"])
            [number] = [
                number
                for number, each in enumerate(self.tenants)
                if given["SecretId"] in (each.secret_arn, each.secret_name)
            ]
            self.running[arn] = number
            if told["status"] != "RUNNING":
                self.ended[arn] = self.running.pop(arn)
                self._count(str(told["status"].value), 1)
                if not given.get("DryRun") and number not in self.touched:
                    token = given.get("ClientRequestToken", "")
                    version = token if is_attempt(token, arn) else version_of(arn)
                    self._ended(arn, told, version, self._with(number, "AWSCURRENT"))

    def _ended(self, arn: str, told: dict[str, Any], version: str, current: str | None) -> None:
        if told["status"] == "SUCCEEDED":
            assert version in self.promoted, f"{arn} succeeded, and was never AWSCURRENT"
        elif told["status"] == "FAILED" and version not in self.redriven:
            unseen = any(words in str(told["cause"]) for words in UNSEEN)
            assert version != current or unseen, f"{arn} failed, and is AWSCURRENT"

    def teardown(self) -> None:
        """The faults end; whatever runs ends; and each secret rotates."""
        try:
            if self.tenants:
                self._finish()
        finally:
            self._open.close()

    def _finish(self) -> None:
        self.world.arm()
        for tenant in self.tenants:
            self.world.secrets.restore_secret(SecretId=tenant.secret_arn)
        while name := self.stage.next():
            self.stage.step(name)
            self.holds()
        self.stage.pass_time(300)
        for number, tenant in enumerate(self.tenants):
            if number in self.touched and not self._is_in(number):
                self._correct(number)
            execution = tenant.start()
            assert execution["status"] == "SUCCEEDED", execution.get("cause")
            self.holds()
            assert self._is_in(number)
            token = tenant.begin_rotation()
            self.stage.run()
            assert self.world.inside.outcome(token) == "succeeded", self.world.inside.executions()
            self.holds()
            assert self._is_in(number)
        told = [
            json.dumps(self.tenants[number].history(arn), default=str)
            for arn, number in self.ended.items()
        ]
        assert_no_leak(self.passwords, output="".join(told) + self.world.inside.logs.getvalue())
        self._count("histories", 1)

    def _correct(self, tenant: int) -> None:
        """A rotation changes nothing where AWSCURRENT does not log in; a person has to decide."""
        before = self.tenants[tenant].user()
        execution = self.tenants[tenant].start()
        assert (execution["status"], execution["error"]) == (
            "FAILED",
            "CurrentPasswordRefusedError",
        )
        assert self.tenants[tenant].user() == before
        self._set_passwords(tenant, [self._password(tenant) or ""])
        assert self._is_in(tenant)
        self.touched.discard(tenant)
        self._count("corrections", 1)

    # Looking

    def _labels(self, tenant: int) -> dict[str, str]:
        found = self.tenants[tenant].labels()
        return {label: version for version, labels in found.items() for label in labels}

    def _is_settled(self, tenant: int) -> bool:
        """Whether nothing is still to come of a person's act or of a rotation."""
        active = self.tenants[tenant].user()["Status"] == "active"
        return active and tenant not in self.running.values()

    def _with(self, tenant: int, label: str) -> str | None:
        return self._labels(tenant).get(label)

    def _value(self, tenant: int) -> dict[str, Any]:
        """AWSCURRENT's, of a deleted secret too."""
        text = self.world.inside.text(self.tenants[tenant].secret_arn)
        found: dict[str, Any] = json.loads(text)
        return found

    def _password(self, tenant: int) -> str | None:
        return self._value(tenant).get("password")

    def _is_in(self, tenant: int) -> bool:
        return self.tenants[tenant].logins(self._password(tenant) or "") == {True}

    # Acting

    def _step(self, actor: str) -> None:
        if actor in self.stage.parked:
            self.stage.step(actor)
            self.holds()

    def _edit(self, tenant: int, **keys: str) -> None:
        """Puts a new text, with another note in it, as AWSCURRENT."""
        note = self.stage.steps
        text = json.dumps({**self._value(tenant), **keys, "note": note})
        arn = self.tenants[tenant].secret_arn
        self.world.secrets.put_secret_value(SecretId=arn, SecretString=text)
        self.notes[tenant] = note

    def _set_passwords(self, tenant: int, passwords: list[str]) -> None:
        """Waits until the user is active again."""
        user_id = self.tenants[tenant].user_id
        self.world.elasticache.modify_user(UserId=user_id, Passwords=passwords)
        self.stage.pass_time(120)

    def _move(self, tenant: int, label: str, to: str | None) -> None:
        versions = {"RemoveFromVersionId": self._with(tenant, label), "MoveToVersionId": to}
        self.world.secrets.update_secret_version_stage(
            SecretId=self.tenants[tenant].secret_arn,
            VersionStage=label,
            **{key: version for key, version in versions.items() if version},
        )

    def _try(self, act: Callable[[], Any]) -> None:
        """What AWS refuses a person is no matter."""
        with suppress(ClientError):
            act()

    def _count(self, what: str, number: int) -> None:
        self.figures[what] += number


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
