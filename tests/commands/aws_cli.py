"""The AWS CLI, forked from a process that has imported it: its start is most of what it costs."""

import atexit
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]

#: What runs instead of the AWS CLI: it hands on all that a process has, and ends as the CLI does.
CLIENT = """#!{python} -IS
import json, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect({path!r})
asked = [sys.argv, dict(os.environ), os.getcwd()]
socket.send_fds(server, [b"."], [0, 1, 2])
server.sendall(json.dumps(asked).encode() + b"\\n")
sys.exit(int(server.recv(9) or 1))
"""


@cache
def folder() -> str:
    """For PATH: the folder of an ``aws`` that lives as long as this process."""
    made = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, made)
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.commands.aws_cli", made],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert server.stdout
    assert server.stdout.readline() == b"ready\n"
    return made


def serve(folder: Path) -> None:
    """Fork a process for each call, until standard input ends."""
    import awscli.clidriver

    threading.Thread(target=lambda: os._exit(len(sys.stdin.read())), daemon=True).start()

    loader = awscli.clidriver.create_clidriver().session.get_component("data_loader")
    for service in ("elasticache", "secretsmanager", "stepfunctions"):
        loader.load_service_model(service, "service-2")
    listener, client = socket.socket(socket.AF_UNIX), folder / "aws"
    listener.bind(f"{folder}/socket")
    listener.listen(64)
    client.write_text(CLIENT.format(python=sys.executable, path=f"{folder}/socket"))
    client.chmod(0o755)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            if child := os.fork():
                _, status = os.waitpid(child, 0)
                connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())
                os._exit(0)
            os._exit(_run(connection))
        connection.close()


def _run(connection: socket.socket) -> int:
    import awscli.clidriver

    _, descriptors, _, _ = socket.recv_fds(connection, 1, 3)
    request = b""
    while not request.endswith(b"\n"):
        request += connection.recv(1 << 20)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
    sys.argv, environment, directory = json.loads(request)
    # The CLI has set where its own data is when it was imported.
    data = os.environ["AWS_DATA_PATH"]
    os.environ.clear()
    os.environ.update(environment, AWS_DATA_PATH=data)
    os.chdir(directory)
    code = awscli.clidriver.main()
    sys.stdout.flush()
    sys.stderr.flush()
    return int(code)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
