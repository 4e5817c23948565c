"""The Lambda workers' processes: forked from one that has imported what every function imports.

A worker of its own would spend 0.4 s of CPU on those imports, at each cold start. This file is what
a function's package runs.
"""

import os
import socket
import sys
from typing import NoReturn

#: Where a package finds the process to fork from.
SOCKET_VARIABLE = "LOCAL_WORKERS_SOCKET"


def serve(listener: socket.socket, until: int) -> NoReturn:
    """Import, and load, what a function needs; then fork a worker for each package that runs."""
    import aws_lambda_powertools.metrics  # noqa: F401
    import boto3
    import botocore.session
    import redis.connection  # noqa: F401

    from local import forks

    # What boto3.client reads; it looks into the environment in the worker only.
    session = botocore.session.get_session()
    boto3.setup_default_session(botocore_session=session)
    loader = session.get_component("data_loader")
    for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
        loader.load_data(name)
    for service in ("secretsmanager", "elasticache", "stepfunctions"):
        for kind in ("service-2", "endpoint-rule-set-1", "paginators-1"):
            loader.load_service_model(service, kind)
    forks.serve(listener, _work, until)


def _work(_arguments: list[str]) -> int:
    """In the fork: become the worker that was asked for."""
    # By it local/faults knows who makes a call.
    os.environ["AWS_SDK_UA_APP_ID"] = f"pid-{os.getpid()}"
    sys.path[0] = os.getcwd()
    sys.argv = ["awslambdaric", os.environ["_HANDLER"]]
    from awslambdaric.__main__ import main

    main(sys.argv)
    return 1


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    from forks import ask  # type: ignore[import-not-found]  # of this folder, without the package

    ask(os.environ[SOCKET_VARIABLE], [])
