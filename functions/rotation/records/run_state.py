"""An execution's state, as far as the run has come."""

from dataclasses import dataclass
from typing import Any

from rotation.records.failure import Failure
from rotation.records.modification import Modification
from rotation.records.target import Target

# Entries of ``Verification`` that are not errors: AWSCURRENT logged in on the endpoint, or holds no
# password yet.
LOGGED_IN = "LOGGED_IN"
FIRST_ROTATION = "FIRST_ROTATION"


@dataclass(frozen=True)
class RunState:
    """The state of a run; None or empty is what the run did not reach.

    Args:
        execution_input: the execution's input, which may be any JSON.
        target: what Check Target returned.
        endpoint_count: the number of endpoints that were last found.
        not_tested: the user's caches that the stack does not log in to.
        replaced_unknown_password: whether AWSCURRENT did not log in somewhere before the change.
        staged: whether Generate Password has ended; then Modify User was entered.
        modification: the one that ModifyUser accepted.
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
        # An endpoint that did not answer made the run find the endpoints again.
        caught = network.get("Unreachable") or state.get("Failure")
        verification = state.get("Verification")
        checks = state.get("Checks", [])
        return cls(
            execution_arn=event["ExecutionArn"],
            execution_input=state.get("Input"),
            target=target,
            endpoint_count=network.get("Count", 0),
            not_tested=tuple(network.get("NotTested", ())),
            replaced_unknown_password=not all(check.get("CurrentLogsIn", True) for check in checks),
            staged="Generation" in state,
            modification=Modification.from_state(modification) if modification else None,
            verification=None
            if verification is None
            else tuple(endpoint["Result"] for endpoint in verification),
            failure=Failure.from_catch(caught) if caught else None,
        )
