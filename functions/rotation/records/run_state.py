"""All that an execution's state holds, as far as the run has come."""

from dataclasses import dataclass
from typing import Any

from rotation.records.failure import Failure
from rotation.records.modification import Modification
from rotation.records.target import Target

# Entries of ``Verification`` that are no errors: AWSCURRENT logged in on the endpoint, or holds no
# password yet, which no client can use.
LOGGED_IN = "LOGGED_IN"
FIRST_ROTATION = "FIRST_ROTATION"


@dataclass(frozen=True)
class RunState:
    """What is None or empty, the run has not come to.

    Args:
        execution_input: what the execution was started with, whatever it is.
        target: what Check Target found.
        endpoint_count: of the last look for endpoints.
        not_tested: the user's caches that the stack does not log in to.
        replaced_unknown_password: whether AWSCURRENT did not log in somewhere before the change.
        staged: whether Generate Password has ended; then Modify User was entered.
        modification: of a ModifyUser that was accepted.
        verification: for each endpoint LOGGED_IN, FIRST_ROTATION, or the name of the error.
        failure: the first one that mattered.
    """

    execution_arn: str
    execution_input: object
    target: Target | None = None
    endpoint_count: int = 0
    not_tested: tuple[str, ...] = ()
    replaced_unknown_password: bool = False
    staged: bool = False
    modification: Modification | None = None
    verification: tuple[str, ...] | None = None
    failure: Failure | None = None

    @classmethod
    def from_event(cls, event: dict[str, Any]) -> "RunState":
        """Read ``{"ExecutionArn", "State"}``; the state may be one of another release."""
        state = event["State"]
        target = Target.from_state(state["Target"]) if "Target" in state else None
        network, modification = state.get("Network", {}), state.get("Modification")
        # An endpoint that did not answer is why the endpoints were looked for again.
        caught = network.get("Unreachable") or state.get("Failure")
        verified = state.get("Verification")
        checks = state.get("Checks", [])
        return cls(
            execution_arn=event["ExecutionArn"],
            execution_input=state.get("Input"),
            target=target,
            endpoint_count=network.get("Count", 0),
            not_tested=tuple(network.get("NotTested", ())),
            replaced_unknown_password=not all(each.get("CurrentLogsIn", True) for each in checks),
            staged="Generation" in state,
            modification=Modification.from_state(modification) if modification else None,
            verification=None if verified is None else tuple(each["Result"] for each in verified),
            failure=Failure.from_catch(caught) if caught else None,
        )
