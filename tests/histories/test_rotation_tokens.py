"""No RotationToken is told, however a rotation ends."""

import pytest

from tests.histories.in_process import InProcess
from tests.histories.worlds import InProcessTenant, InProcessWorld
from tests.unit.leaks import found_in


@pytest.mark.parametrize("faults", [[], ["deny:PutSecretValue"], ["drop-node:1:Log In"]])
def test_no_rotation_token_is_in_a_history_or_a_log(faults: list[str]) -> None:
    with InProcess().set_up() as inside:
        tenant = InProcessWorld(inside).tenant()
        assert isinstance(tenant, InProcessTenant)
        tenant.serve()
        tenant.world.arm(*faults)
        token = tenant.begin_rotation()
        inside.stage.run()
        assert inside.outcome(token) == ("failed" if faults else "succeeded")
        version = inside._secrets.secrets[tenant.secret_arn].versions[token]
        executions = inside.executions()
        places = {
            "histories": [str(tenant.history(arn)) for arn in executions],
            "executions": [str(executions)],
            "logs": [inside.logs.getvalue()],
        }
        assert all(map(any, places.values()))
        assert version["rotation_tokens"]
        assert found_in(version["rotation_tokens"], places) == []
