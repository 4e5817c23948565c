"""Takes over deployed state machines: ministack's CloudFormation makes them, moto runs them.

Not in local/interpreter.py, since moto takes a second to load, and only the child process needs it.
"""

from typing import Any


def adopt_state_machines(source: Any, target: Any) -> None:
    """Makes the target's state machines those of the source: two Step Functions clients."""
    existing = {
        machine["stateMachineArn"]
        for page in target.get_paginator("list_state_machines").paginate()
        for machine in page["stateMachines"]
    }
    for page in source.get_paginator("list_state_machines").paginate():
        for item in page["stateMachines"]:
            machine = source.describe_state_machine(stateMachineArn=item["stateMachineArn"])
            kept = ("definition", "roleArn", "loggingConfiguration", "tracingConfiguration")
            settings = {key: machine[key] for key in kept if machine.get(key)}
            if item["stateMachineArn"] in existing:
                target.update_state_machine(stateMachineArn=item["stateMachineArn"], **settings)
            else:
                target.create_state_machine(name=machine["name"], type=machine["type"], **settings)
