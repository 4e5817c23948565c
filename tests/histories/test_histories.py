"""Random histories: rotations, stops, people's acts and faults, in any order that can be.

After each step AWSCURRENT logs in on every node, no run reads SUCCEEDED whose version is not
AWSCURRENT, and none reads FAILED whose version is. In the end every secret rotates without a hand.
`make soak` has many of them.
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

from rotation.executions import version_of
from tests.histories.in_process import InProcess
from tests.histories.worlds import InProcessTenant, InProcessWorld
from tests.rotation.world import FIRST_PASSWORD
from tests.unit.leaks import assert_no_leak

TENANTS = st.integers(0, 2)
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
# A thread of the interpreter that is told to stop.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


class Histories(RuleBasedStateMachine):
    """Two users in one group, and one who waits for its first password."""

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
        self.passwords = {FIRST_PASSWORD}

    @initialize()
    def begin(self) -> None:
        """Users, groups, caches and secrets."""
        off = {"AccessString": "off ~app:* +get", "password": None}
        made = [self.world.tenant(), self.world.tenant(), self.world.tenant(**off)]
        self.tenants = cast(list[InProcessTenant], made)
        first, second, third = self.tenants
        first.serve("replicas")
        third.serve()
        [group] = first.user()["UserGroupIds"]
        self.world.elasticache.modify_user_group(UserGroupId=group, UserIdsToAdd=[second.user_id])
        self.stage.pass_time(30)
        second.caches = first.caches

    # What happens by itself

    @precondition(lambda self: self.stage.parked)
    @rule(choice=st.integers(0, 7), steps=st.sampled_from([1, 1, 3, 10]))
    def go_on(self, choice: int, steps: int) -> None:
        """One of those who wait goes on for a while, whoever else was there before."""
        names = sorted(self.stage.parked)
        name = names[choice % len(names)]
        for _ in range(steps):
            if name in self.stage.parked:
                self.stage.step(name)
                self.holds()

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

    @rule(tenant=TENANTS, dry=st.booleans())
    def start(self, tenant: int, dry: bool) -> None:
        """An execution by hand."""
        self.tenants[tenant].begin(**({"DryRun": True} if dry else {}))

    @precondition(lambda self: self.running)
    @rule(choice=st.integers(0, 7))
    def stop(self, choice: int) -> None:
        """A running execution is stopped; a function of it may still be at work."""
        arn = sorted(self.running)[choice % len(self.running)]
        self.world.step_functions.stop_execution(executionArn=arn)

    @rule(armed=st.lists(FAULTS, max_size=2))
    def faults(self, armed: list[str]) -> None:
        """From now on these, and no others."""
        self.world.arm(*armed)
        self._count("faults", len(armed))

    @rule(tenant=TENANTS)
    def note(self, tenant: int) -> None:
        """Somebody changes another key of the secret: a new AWSCURRENT."""
        found = self.tenants[tenant]

        def put() -> None:
            value = json.dumps({**found.value(), "note": self.stage.steps})
            self.world.secrets.put_secret_value(SecretId=found.secret_arn, SecretString=value)

        self._try(put)

    @rule(tenant=TENANTS)
    def unlabel(self, tenant: int) -> None:
        """Somebody takes AWSPENDING off: of a first password nobody would know it any more."""
        if self._password(tenant):
            self._try(lambda: self._move(tenant, "AWSPENDING", None))

    @rule(tenant=TENANTS)
    def revert(self, tenant: int) -> None:
        """Somebody moves AWSCURRENT back to the version before, if that has a password."""
        arn, previous = self.tenants[tenant].secret_arn, self._with(tenant, "AWSPREVIOUS")
        if previous and "password" in self.world.inside.text(arn, "AWSPREVIOUS"):
            self.touched.add(tenant)
            self._try(lambda: self._move(tenant, "AWSCURRENT", previous))

    @rule(tenant=TENANTS)
    def tidy(self, tenant: int) -> None:
        """Somebody leaves the user AWSCURRENT's password alone."""
        found = self.tenants[tenant]
        password = self._password(tenant)
        if password:
            self.touched.add(tenant)
            change = {"UserId": found.user_id, "Passwords": [password]}
            self._try(lambda: self.world.elasticache.modify_user(**change))

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
            password = self._password(number)
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
                    token = given.get("ClientRequestToken") or version_of(arn)
                    self._ended(arn, told, self._with(number, "AWSCURRENT") == token)

    def _ended(self, arn: str, told: dict[str, Any], promoted: bool) -> None:
        assert promoted or told["status"] != "SUCCEEDED", f"{arn} succeeded, and is not AWSCURRENT"
        assert not promoted or told["status"] != "FAILED", f"{arn} failed, and is AWSCURRENT"

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
        for tenant in self.tenants:
            execution = tenant.start()
            assert execution["status"] == "SUCCEEDED", execution.get("cause")
            password = tenant.value()["password"]
            assert tenant.logins(password) == {True}
            self.passwords.add(password)
        told = [
            json.dumps(self.tenants[number].history(arn), default=str)
            for arn, number in self.ended.items()
        ]
        assert_no_leak(self.passwords, output="".join(told) + self.world.inside.logs.getvalue())
        self._count("histories", 1)

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

    def _password(self, tenant: int) -> str | None:
        """AWSCURRENT's, of a deleted secret too."""
        text = self.world.inside.text(self.tenants[tenant].secret_arn)
        found: str | None = json.loads(text).get("password")
        return found

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
    max_examples=100,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
