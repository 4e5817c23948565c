"""No RotationToken is in a history or a log, however a rotation ends."""

import pytest

from tests.histories.worlds import InProcessTenant
from tests.unit.leaks import found_in


@pytest.mark.parametrize("faults", [[], ["deny:PutSecretValue"], ["drop-node:1:Log In"]])
def test_no_rotation_token_is_recorded(tenant: InProcessTenant, faults: list[str]) -> None:
    inside = tenant.inside
    tenant.world.arm(*faults)
    token = tenant.begin_rotation()
    inside.stage.run()
    assert inside.outcome(token) == ("failed" if faults else "succeeded")
    executions = inside.executions()
    places = {
        "histories": [str(tenant.history(arn)) for arn in executions],
        "executions": [str(executions)],
        "logs": [inside.logs.getvalue()],
    }
    assert all(map(any, places.values()))
    tokens = inside._secrets.secrets[tenant.secret_arn].versions[token]["rotation_tokens"]
    assert tokens
    assert found_in(tokens, places) == []
