"""The life of an instance: apart from others, and ending with all that it started.

tests/commands kills the process that has started one.
"""

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.instance import LocalAws, LocalAwsError
from tests.local.helpers import SLOW_SECONDS, eventually, members, occupy


@pytest.fixture(scope="module", autouse=True)
def _processes_of_its_own() -> Iterator[None]:
    """None is forked from one that other tests share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalAws, "python", sys.executable)
        yield


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """With a port of our choice, once what uses it is gone."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        taken.listen()
        instance = LocalAws(tmp_path_factory.mktemp("aws"), port=port)
        with pytest.raises(LocalAwsError, match=f"Port {port} .*: stop what uses it"):
            instance.start()
    with instance:
        assert instance.environment["AWS_ENDPOINT_URL"] == f"http://127.0.0.1:{port}"
        yield instance


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, None])
def test_nothing_is_left_when_the_child_ends_or_is_stopped(
    tmp_path: Path, number: signal.Signals | None
) -> None:
    aws = LocalAws(tmp_path)
    aws.start()
    group = occupy(aws)
    # Where the cache nodes have their sockets, outside of the instance's directory.
    node = next(pid for pid, name in members(group).items() if name == "valkey-server")
    scratch = Path(f"/proc/{node}/cwd").resolve()
    assert scratch.is_dir()
    begun = time.monotonic()
    if number:
        os.kill(group, number)
        assert aws.wait() == (-number if number == signal.SIGKILL else 0)
    aws.stop()
    assert time.monotonic() - begun < SLOW_SECONDS / 2
    # A process that has got its SIGKILL may need a moment to go.
    eventually(lambda: not members(group))
    assert not scratch.exists()
    aws.stop()
    with pytest.raises(LocalAwsError, match="not running"):
        aws.wait()
    # The directory is free again, and the caches are gone.
    with aws:
        assert aws.client("elasticache").describe_replication_groups()["ReplicationGroups"] == []


def test_a_directory_has_one_instance_and_two_directories_do_not_meet(
    aws: LocalAws, tmp_path: Path
) -> None:
    directory = Path(aws.environment["LOCAL_CA_FILE"]).parent
    with pytest.raises(LocalAwsError, match="is used by another local AWS: stop"):
        LocalAws(directory).start()
    aws.client("secretsmanager").create_secret(Name="only-here", SecretString="x")
    aws.client("s3").create_bucket(Bucket="only-here")
    with LocalAws(tmp_path) as other:
        assert other.client("secretsmanager").list_secrets()["SecretList"] == []
        assert other.client("s3").list_buckets()["Buckets"] == []
        assert set(other.environment) == set(aws.environment)
    assert aws.client("secretsmanager").describe_secret(SecretId="only-here")


def test_everything_listens_on_this_machine_only(aws: LocalAws) -> None:
    assert aws._process
    group = aws._process.pid
    sockets = set()
    for process in members(group):
        for link in Path(f"/proc/{process}/fd").iterdir():
            target = os.readlink(link) if link.is_symlink() else ""
            if target.startswith("socket:["):
                sockets.add(target[8:-1])
    listening = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets:
                listening.append(fields[1].partition(":")[0])
    assert len(listening) >= 2
    assert set(listening) == {"0100007F"}


def test_an_account_a_region_and_a_stranger_environment(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_ENDPOINT_URL", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    before = dict(os.environ)
    assert aws.client("sts").get_caller_identity()["Account"] == "123456789012"
    arn = aws.client("secretsmanager").create_secret(Name="named")["ARN"]
    assert arn.startswith("arn:aws:secretsmanager:us-east-1:123456789012:secret:named-")
    assert dict(os.environ) == before


def test_a_server_that_cannot_start_names_its_log(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").mkdir()
    with pytest.raises(LocalAwsError, match=f"see the end of {tmp_path}/server.log"):
        LocalAws(tmp_path).start()
    assert "IsADirectoryError" in (tmp_path / "server.log").read_text()
