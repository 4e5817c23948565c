"""What holds after each step of a random history, and in the end of it."""

import json
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any, cast

from botocore.exceptions import ClientError
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from rotation.rules.executions import is_attempt, version_by_hand
from tests.histories.in_process import InProcess
from tests.histories.worlds import InProcessTenant, InProcessWorld
from tests.rotation.world import FIRST_PASSWORD
from tests.unit.leaks import assert_no_leak

BY_HAND = "by-hand-password-0123456789"
#: What a failed run says where its promotion may have counted: Close Rotation could not look.
UNSEEN = ("is AWSCURRENT is unknown", "and then Close Rotation with")


class Promises(RuleBasedStateMachine):
    """Two users and their secrets, and what was seen of their rotations."""

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
        off = {"AccessString": "off ~app:* +get", "password": None}
        made = [self.world.tenant(), self.world.tenant(**off)]
        self.tenants = cast(list[InProcessTenant], made)
        first, second = self.tenants
        first.serve("replicas", others=[second])

    # What holds

    @invariant()
    def holds(self) -> None:
        if not self.tenants:
            return
        self._count("steps", 1)
        for number, tenant in enumerate(self.tenants):
            value = tenant.value()
            self.promoted.add(tenant.version("AWSCURRENT"))
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
        for arn, execution in self.world.inside.executions().items():
            if arn in self.ended:
                continue
            execution_input = json.loads(execution["input"])
            [number] = [
                number
                for number, each in enumerate(self.tenants)
                if execution_input["SecretId"] in (each.secret_arn, each.secret_name)
            ]
            self.running[arn] = number
            if execution["status"] != "RUNNING":
                self.ended[arn] = self.running.pop(arn)
                self._count(str(execution["status"].value), 1)
                if not execution_input.get("DryRun") and number not in self.touched:
                    token = execution_input.get("ClientRequestToken", "")
                    version = token if is_attempt(token, arn) else version_by_hand(arn)
                    self._ended(arn, execution, version, self.tenants[number].version("AWSCURRENT"))

    def _ended(
        self, arn: str, execution: dict[str, Any], version: str, current: str | None
    ) -> None:
        if execution["status"] == "SUCCEEDED":
            assert version in self.promoted, f"{arn} succeeded, and was never AWSCURRENT"
        elif execution["status"] == "FAILED" and version not in self.redriven:
            unseen = any(words in str(execution["cause"]) for words in UNSEEN)
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
            if number in self.touched and not self._logs_in(number):
                self._correct(number)
            tenant.succeeds()
            self.holds()
            assert tenant.rotation() == "succeeded", self.world.inside.executions()
            self.holds()
            assert tenant.current_logs_in()
        histories = [
            json.dumps(self.tenants[number].history(arn), default=str)
            for arn, number in self.ended.items()
        ]
        assert_no_leak(
            self.passwords, output="".join(histories) + self.world.inside.logs.getvalue()
        )
        self._count("histories", 1)

    def _correct(self, tenant: int) -> None:
        """A rotation changes nothing where AWSCURRENT does not log in; a person decides."""
        found = self.tenants[tenant]
        before = found.user()
        found.fails("CurrentPasswordRefusedError")
        assert found.user() == before
        self._set_passwords(tenant, [self._password(tenant) or ""])
        assert self._logs_in(tenant)
        self.touched.discard(tenant)
        self._count("corrections", 1)

    # Looking

    def _is_settled(self, tenant: int) -> bool:
        """Whether nothing is still to come of a person's act or of a rotation."""
        active = self.tenants[tenant].user()["Status"] == "active"
        return active and tenant not in self.running.values()

    def _password(self, tenant: int) -> str | None:
        return self.tenants[tenant].value().get("password")

    def _logs_in(self, tenant: int) -> bool:
        return self.tenants[tenant].logins(self._password(tenant) or "") == {True}

    # Acting

    def _step(self, actor: str) -> None:
        if actor in self.stage.parked:
            self.stage.step(actor)
            self.holds()

    def _edit(self, tenant: int, **keys: str) -> None:
        """Puts a new text, with another note in it, as AWSCURRENT."""
        note = self.stage.steps
        self.tenants[tenant].edit(**keys, note=note)
        self.notes[tenant] = note

    def _set_passwords(self, tenant: int, passwords: list[str]) -> None:
        user_id = self.tenants[tenant].user_id
        self.world.elasticache.modify_user(UserId=user_id, Passwords=passwords)
        self.stage.pass_time(120)

    def _move(self, tenant: int, label: str, to: str | None) -> None:
        found = self.tenants[tenant]
        versions = {"RemoveFromVersionId": found.version(label), "MoveToVersionId": to}
        self.world.secrets.update_secret_version_stage(
            SecretId=found.secret_arn,
            VersionStage=label,
            **{key: version for key, version in versions.items() if version},
        )

    def _try(self, act: Callable[[], Any]) -> None:
        with suppress(ClientError):
            act()

    def _count(self, what: str, number: int) -> None:
        self.figures[what] += number
