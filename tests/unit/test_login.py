"""Logging in: redis-py's own connection and parser, on a socket that is a script.

What is sent and what redis-py makes of each answer is real; only the network is not.
"""

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from redis.connection import SSLConnection

from rotation.adapters.login import NodeConnection
from rotation.errors import (
    AnyPasswordAcceptedError,
    CertificateError,
    EndpointUnreachableError,
    PasswordRefusedError,
    RotationError,
)
from tests.unit.fakes import CURRENT_PASSWORD, ENDPOINT, PENDING_PASSWORD, USERNAME
from tests.unit.leaks import assert_no_leak

OK = b"+OK\r\n"
WRONGPASS = b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"
NOPERM = b"-NOPERM User app has no permissions to run the 'auth' command\r\n"
LOADING = b"-LOADING Valkey is loading the dataset in memory\r\n"

Answer = bytes | BaseException


class FakeSocket:
    """Answers each read with the next of the script; b"" is a closed connection."""

    def __init__(self, network: "FakeNetwork") -> None:
        self.network = network
        self.closed = False

    def sendall(self, data: bytes) -> None:
        self.network.sent += data
        if self.network.write_error:
            raise self.network.write_error

    def recv(self, _: int) -> bytes:
        answer = self.network.script.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def settimeout(self, _: float | None) -> None: ...

    def gettimeout(self) -> float:
        return 5.0

    def shutdown(self, _: int) -> None: ...

    def close(self) -> None:
        self.closed = True


class FakeNetwork:
    """What the connections meet, and what they did."""

    def __init__(self) -> None:
        self.script: list[Answer] = []
        self.connect_error: BaseException | None = None
        self.write_error: BaseException | None = None
        self.sent = b""
        self.sockets: list[FakeSocket] = []
        self.settings: dict[str, Any] = {}

    def commands(self) -> list[list[str]]:
        """The commands sent, from RESP."""
        found: list[list[str]] = []
        lines = iter(self.sent.decode().split("\r\n"))
        for line in lines:
            if line.startswith("*"):
                found.append([(next(lines), next(lines))[1] for _ in range(int(line[1:]))])
        return found

    def all_closed(self) -> bool:
        return all(each.closed for each in self.sockets)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> FakeNetwork:
    found = FakeNetwork()

    class Connection(SSLConnection):
        def __init__(self, **settings: Any) -> None:
            found.settings = settings
            super().__init__(**settings)

        def _connect(self) -> FakeSocket:
            if found.connect_error:
                raise found.connect_error
            found.sockets.append(FakeSocket(found))
            return found.sockets[-1]

    monkeypatch.setattr("rotation.adapters.login.SSLConnection", Connection)
    return found


def answer_to(network: FakeNetwork, *script: Answer, password: str = PENDING_PASSWORD) -> bool:
    network.script = list(script)
    with NodeConnection.open(ENDPOINT, USERNAME) as node:
        return node.accepts(password)


def failure_of(act: Callable[[], object]) -> RotationError:
    with pytest.raises(RotationError) as caught:
        act()
    return caught.value


def test_ok_is_a_login(network: FakeNetwork) -> None:
    assert answer_to(network, OK) is True


def test_wrongpass_is_no_login_and_no_lost_connection(network: FakeNetwork) -> None:
    assert answer_to(network, WRONGPASS) is False


def test_noperm_is_the_answer_to_somebody_who_is_in(network: FakeNetwork) -> None:
    assert answer_to(network, NOPERM) is True


@pytest.mark.parametrize(
    "answer",
    [
        LOADING,
        b"-ERR max number of clients reached\r\n",
        b"-ERR unknown command 'AUTH'\r\n",
        b"-MASTERDOWN Link with MASTER is down\r\n",
        b"",
        b"HTTP/1.1 400 Bad Request\r\n",
        TimeoutError("timed out"),
        ConnectionResetError(104, "reset"),
        ssl.SSLEOFError(8, "EOF occurred in violation of protocol"),
    ],
    ids=repr,
)
def test_any_other_answer_is_neither_a_login_nor_a_refusal(
    network: FakeNetwork, answer: Answer
) -> None:
    error = failure_of(lambda: answer_to(network, answer))
    assert type(error) is EndpointUnreachableError
    assert str(ENDPOINT) in str(error)
    assert_no_leak([PENDING_PASSWORD], error=error)
    assert network.all_closed()


@pytest.mark.parametrize(
    "answer",
    [
        LOADING,
        b"-ERR max number of clients reached\r\n",
        b"-ERR unknown command 'AUTH'\r\n",
        b"-MASTERDOWN Link with MASTER is down\r\n",
    ],
    ids=repr,
)
def test_a_node_that_answers_but_not_to_a_login_is_not_sought_in_the_network(
    network: FakeNetwork, answer: bytes
) -> None:
    error = failure_of(lambda: answer_to(network, answer))
    assert type(error) is EndpointUnreachableError
    assert "answers, but not to a login" in str(error)
    assert "cannot be reached" not in str(error)
    assert "security groups" not in str(error)


@pytest.mark.parametrize(
    "answer",
    [b"", TimeoutError("timed out"), ConnectionResetError(104, "reset"), OSError("no route")],
    ids=repr,
)
def test_a_node_that_does_not_answer_cannot_be_reached(
    network: FakeNetwork, answer: Answer
) -> None:
    error = failure_of(lambda: answer_to(network, answer))
    assert type(error) is EndpointUnreachableError
    assert "cannot be reached" in str(error)
    assert "security groups" in str(error)
    assert "answers" not in str(error)


def test_a_server_that_repeats_what_it_was_sent_is_not_repeated(network: FakeNetwork) -> None:
    # redis-py quotes an answer that is not of its protocol.
    echo = f"AUTH {USERNAME} {PENDING_PASSWORD}\r\n".encode()
    error = failure_of(lambda: answer_to(network, echo))
    assert_no_leak([PENDING_PASSWORD], error=error)


def test_nothing_is_sent_before_a_password_is_tried(network: FakeNetwork) -> None:
    with NodeConnection.open(ENDPOINT, USERNAME):
        assert network.sent == b""
    assert network.sent == b""


def test_nothing_but_auth_is_ever_sent(network: FakeNetwork) -> None:
    network.script = [WRONGPASS, OK, OK, WRONGPASS]
    with NodeConnection.open(ENDPOINT, USERNAME) as node:
        node.require_a_password()
        node.require_login(PENDING_PASSWORD, "new")
        node.require_login(CURRENT_PASSWORD, "current")
        assert not node.accepts_any_password()
    commands = network.commands()
    assert [command[:2] for command in commands] == [["AUTH", USERNAME]] * 4
    assert [command[2] for command in commands][1:3] == [PENDING_PASSWORD, CURRENT_PASSWORD]


def test_after_a_refusal_the_next_password_gets_an_answer_of_its_own(network: FakeNetwork) -> None:
    network.script = [WRONGPASS, OK, WRONGPASS, WRONGPASS, OK]
    with NodeConnection.open(ENDPOINT, USERNAME) as node:
        answers = [node.accepts("x" * 16) for _ in range(5)]
    assert answers == [False, True, False, False, True]


def test_a_made_up_password_is_never_the_same(network: FakeNetwork) -> None:
    network.script = [WRONGPASS] * 10
    with NodeConnection.open(ENDPOINT, USERNAME) as node:
        for _ in range(10):
            node.require_a_password()
    made_up = {command[2] for command in network.commands()}
    assert len(made_up) == 10
    assert all(len(each) >= 16 for each in made_up)


def test_a_node_that_takes_any_password_is_refused(network: FakeNetwork) -> None:
    network.script = [OK]
    with (
        pytest.raises(AnyPasswordAcceptedError, match="node-1") as caught,
        NodeConnection.open(ENDPOINT, USERNAME) as node,
    ):
        node.require_a_password()
    assert USERNAME in str(caught.value)
    assert_no_leak([network.commands()[0][2]], error=caught.value)


def test_a_required_password_that_is_refused_is_named_but_not_told(network: FakeNetwork) -> None:
    network.script = [WRONGPASS]
    with (
        pytest.raises(PasswordRefusedError, match="The current password") as caught,
        NodeConnection.open(ENDPOINT, USERNAME) as node,
    ):
        node.require_login(CURRENT_PASSWORD, "current")
    assert str(ENDPOINT) in str(caught.value)
    assert_no_leak([CURRENT_PASSWORD], error=caught.value)


def certificate_error(message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] failed")
    error.verify_message = message
    return error


def no_tls() -> ssl.SSLError:
    error = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
    error.reason = "WRONG_VERSION_NUMBER"
    return error


@pytest.mark.parametrize(
    "error,detail",
    [
        (certificate_error("Hostname mismatch"), "Hostname mismatch"),
        (certificate_error("self-signed certificate"), "self-signed certificate"),
        (no_tls(), "WRONG_VERSION_NUMBER"),
        (ssl.SSLError(1, "something else"), "(no TLS)"),
        (ssl.SSLError(), "(no TLS)"),
        (ssl.SSLCertVerificationError(1, "not told why"), "(no TLS)"),
    ],
)
def test_tls_that_does_not_verify_is_not_taken_for_a_network_fault(
    network: FakeNetwork, error: BaseException, detail: str
) -> None:
    network.connect_error = error
    found = failure_of(lambda: answer_to(network))
    assert type(found) is CertificateError
    assert detail in str(found)
    assert str(ENDPOINT) in str(found)


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError("timed out"),
        socket.gaierror(-2, "Name or service not known"),
        ConnectionRefusedError(111, "refused"),
        OSError("getaddrinfo returned an empty list"),
        ssl.SSLEOFError(8, "EOF occurred in violation of protocol"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_no_connection_is_unreachable_and_names_how(
    network: FakeNetwork, error: BaseException
) -> None:
    network.connect_error = error
    found = failure_of(lambda: answer_to(network))
    assert type(found) is EndpointUnreachableError
    assert type(error).__name__ in str(found)
    assert "security groups" in str(found)


def test_a_connection_that_is_only_opened_has_to_be_there(network: FakeNetwork) -> None:
    network.connect_error = ConnectionRefusedError(111, "refused")
    with pytest.raises(EndpointUnreachableError), NodeConnection.open(ENDPOINT, USERNAME):
        pass


def test_a_node_that_answers_no_tls_is_not_sought_in_the_network(network: FakeNetwork) -> None:
    network.connect_error = TimeoutError("_ssl.c:989: The handshake operation timed out")
    found = failure_of(lambda: answer_to(network))
    assert type(found) is EndpointUnreachableError
    assert "no TLS" in str(found)
    assert "security groups" not in str(found)


def test_a_second_connection_that_fails_is_told_like_the_first(network: FakeNetwork) -> None:
    network.script = [WRONGPASS]
    with NodeConnection.open(ENDPOINT, USERNAME) as node:
        node.require_a_password()
        network.connect_error = certificate_error("expired")
        with pytest.raises(CertificateError):
            node.accepts(PENDING_PASSWORD)


def test_a_write_that_fails_is_unreachable(network: FakeNetwork) -> None:
    network.write_error = BrokenPipeError(32, "Broken pipe")
    error = failure_of(lambda: answer_to(network))
    assert type(error) is EndpointUnreachableError
    assert_no_leak([PENDING_PASSWORD], error=error)


@pytest.mark.parametrize(
    "script", [[OK], [WRONGPASS], [LOADING], [b""], [TimeoutError()]], ids=repr
)
def test_the_connection_is_closed_whatever_is_answered(
    network: FakeNetwork, script: list[Answer]
) -> None:
    with suppress(RotationError):
        answer_to(network, *script)
    assert network.sockets
    assert network.all_closed()


def test_the_connection_is_closed_when_its_user_fails(network: FakeNetwork) -> None:
    with pytest.raises(ZeroDivisionError), NodeConnection.open(ENDPOINT, USERNAME):
        raise ZeroDivisionError
    assert network.all_closed()


def test_the_connection_goes_to_the_endpoint_with_short_timeouts(network: FakeNetwork) -> None:
    answer_to(network, OK)
    assert network.settings["host"] == ENDPOINT.address
    assert network.settings["port"] == ENDPOINT.port
    assert 0 < network.settings["socket_connect_timeout"] <= 5
    assert 0 < network.settings["socket_timeout"] <= 10


def test_the_certificate_and_its_name_are_verified(network: FakeNetwork) -> None:
    # What redis-py makes of the settings; nothing is connected.
    answer_to(network, OK)
    connection = SSLConnection(**network.settings)
    assert connection.cert_reqs is ssl.CERT_REQUIRED
    assert connection.check_hostname is True
    assert connection.username is None
    assert connection.password is None
