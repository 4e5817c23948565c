"""Random histories: rotations, stops, people's acts and faults, in any order that can be.

After each step AWSCURRENT logs in on every node, no edit of the secret is lost, no run ends as
SUCCEEDED whose version is not AWSCURRENT, and none as FAILED whose version is. In the end every
secret rotates, by hand and by Secrets Manager; after a correction only where a person has changed
the user's password, or AWSCURRENT. `make soak` has many of them.
"""

import json

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import precondition, rule

from tests.histories.promises import BY_HAND, Promises

TENANTS = st.integers(0, 1)
#: What an execution by hand takes besides the secret's name.
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


class Histories(Promises):
    """Two users in one group, one of which waits for its first password."""

    # What happens by itself

    @precondition(lambda self: self.stage.parked)
    @rule(choice=st.integers(0, 7), steps=st.sampled_from([1, 1, 3, 10]))
    def go_on(self, choice: int, steps: int) -> None:
        """One waiting actor goes on for a while, in any order."""
        names = sorted(self.stage.parked)
        name = names[choice % len(names)]
        for _ in range(steps):
            self._step(name)

    @rule(seconds=st.sampled_from([1, 10, 60]))
    def time_passes(self, seconds: int) -> None:
        self.stage.pass_time(seconds)

    @rule(tenant=TENANTS)
    def schedule(self, tenant: int) -> None:
        self._try(
            lambda: self.world.secrets.rotate_secret(SecretId=self.tenants[tenant].secret_arn)
        )

    # What people do

    @rule(tenant=TENANTS, execution_input=INPUTS)
    def start(self, tenant: int, execution_input: dict[str, bool]) -> None:
        self.tenants[tenant].begin(**execution_input)

    @rule(choice=st.integers(0, 7), redriven=st.booleans())
    def start_again(self, choice: int, redriven: bool) -> None:
        """An execution with the input of one that Secrets Manager began: by hand, or as an attempt.

        A redriven attempt runs beside a later one, and both have one token.
        """
        inputs = [json.loads(each["input"]) for each in self.world.inside.executions().values()]
        tokens = {each["ClientRequestToken"]: each for each in inputs if "Attempt" in each}
        if not tokens:
            return
        token, execution_input = sorted(tokens.items())[choice % len(tokens)]
        number = sum(each.get("ClientRequestToken") == token for each in inputs) + 1
        name = {"name": f"{token}-{number}"} if redriven else {}
        self.redriven |= {token} if redriven else set()
        self._try(
            lambda: self.world.step_functions.start_execution(
                input=json.dumps({**execution_input, "Attempt": number}), **name
            )
        )

    @precondition(lambda self: self.running)
    @rule(choice=st.integers(0, 7))
    def stop(self, choice: int) -> None:
        """A running execution is stopped; a function of it may still be running."""
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
        """Somebody removes AWSPENDING."""
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
        found = self.tenants[tenant]
        previous = found.version("AWSPREVIOUS")
        if previous and "password" in found.value("AWSPREVIOUS"):
            self.touched.add(tenant)
            self._try(lambda: self._move(tenant, "AWSCURRENT", previous))
            self.notes[tenant] = found.value().get("note")

    @rule(tenant=TENANTS)
    def tidy(self, tenant: int) -> None:
        """Somebody leaves the user AWSCURRENT's password alone."""
        if password := self._password(tenant):
            self.touched.add(tenant)
            self._try(lambda: self._set_passwords(tenant, [password]))

    @rule(tenant=TENANTS)
    def delete(self, tenant: int) -> None:
        arn = self.tenants[tenant].secret_arn
        self._try(lambda: self.world.secrets.delete_secret(SecretId=arn))

    @rule(tenant=TENANTS)
    def restore(self, tenant: int) -> None:
        self.world.secrets.restore_secret(SecretId=self.tenants[tenant].secret_arn)


SETTINGS = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TestHistories = Histories.TestCase
TestHistories.settings = SETTINGS
