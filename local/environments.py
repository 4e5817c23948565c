"""Lambda, where ministack's does not do as AWS: how invocations end, and are refused."""

import threading
from collections.abc import Iterable
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc


def install() -> None:
    """Lets an invocation end that runs while its function is updated or deleted.

    And one too many is answered with AWS's words, as LocalStack's tests have recorded them.

    ministack kills the worker. On AWS code and configuration are of an execution environment, and
    an update is for those that begin after it (Lambda developer guide, "Lambda function states":
    invocations during an update go on with the previous code and configuration).
    """
    kill = lambda_runtime.kill_workers

    def kill_when_idle(workers: Iterable[Any]) -> None:
        """The workers are in no pool any more, so that none of them is given another event."""
        for worker in workers:
            if worker is not None and worker.in_use:
                threading.Thread(target=kill_after_use, args=(worker,), daemon=True).start()
            else:
                kill([worker])

    def kill_after_use(worker: Any) -> None:
        with worker._lock:  # held as long as an invocation takes
            kill([worker])

    lambda_runtime.kill_workers = kill_when_idle
    refuse = lambda_svc._throttle_response
    lambda_svc._throttle_response = lambda reason_code, **_: refuse(reason_code, "Rate Exceeded.")
