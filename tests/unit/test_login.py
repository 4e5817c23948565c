"""Logging in: redis-py's own connection and parser, on a socket that is a script.

What is sent and what redis-py makes of each answer is real; only the network is not.
"""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from redis.connection import SSLConnection

from rotation import errors
from rotation.adapters.login import NodeConnection
from tests.unit.leaks import assert_no_leak
from tests.unit.values import CURRENT_PASSWORD, ENDPOINT, PENDING_PASSWORD, USERNAME, Json

OK = b"+OK\r\n"
WRONGPASS = b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"
NOPERM = b"-NOPERM User app has no permissions to run the 'auth' command\r\n"

Answer = bytes | BaseException


class FakeNetwork:
    """Every connection is this socket, which reads from a script; b"" is a closed connection."""

    def __init__(self) -> None:
        self.script: list[Answer] = []
        self.connect_error: BaseException | None = None
        self.write_error: BaseException | None = None
        self.sent = b""
        self.connections = {"opened": 0, "closed": 0}
        self.connection: SSLConnection | None = None

    def connect(self, connection: SSLConnection) -> "FakeNetwork":
        if self.connect_error:
            raise self.connect_error
        self.connection = connection
        self.connections["opened"] += 1
        return self

    def sendall(self, data: bytes) -> None:
        self.sent += data
        if self.write_error:
            raise self.write_error

    def recv(self, _: int) -> bytes:
        answer = self.script.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def settimeout(self, _: float | None) -> None: ...

    def gettimeout(self) -> float:
        return 5.0

    def shutdown(self, _: int) -> None: ...

    def close(self) -> None:
        self.connections["closed"] += 1

    def commands(self) -> list[list[str]]:
        """What was sent. In RESP, three words are seven lines: their number, then two for each."""
        lines = self.sent.decode().split("\r\n")
        return [lines[at + 2 : at + 7 : 2] for at in range(0, len(lines) - 1, 7)]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeNetwork]:
    """Every connection has to be closed, whatever happens on it."""
    network = FakeNetwork()
    monkeypatch.setattr(SSLConnection, "_connect", lambda connection: network.connect(connection))
    yield network
    assert network.connections["closed"] == network.connections["opened"]


@contextmanager
def connected(network: FakeNetwork, *script: Answer) -> Iterator[NodeConnection]:
    network.script += script
    with NodeConnection.open(ENDPOINT, USERNAME) as node:
        yield node


@pytest.mark.parametrize("answer,logs_in", [(OK, True), (WRONGPASS, False), (NOPERM, True)])
def test_whether_a_password_logs_in(network: FakeNetwork, answer: bytes, logs_in: bool) -> None:
    with connected(network, answer) as node:
        assert node.accepts(PENDING_PASSWORD) is logs_in
    assert network.commands() == [["AUTH", USERNAME, PENDING_PASSWORD]]


def certificate_error(message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] failed")
    error.verify_message = message
    return error


def no_tls() -> ssl.SSLError:
    error = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
    error.reason = "WRONG_VERSION_NUMBER"
    return error


@pytest.mark.parametrize(
    "fault,text",
    [
        *(
            ({"script": [answer]}, "answers, but accepts no login")
            for answer in (
                b"-LOADING Valkey is loading the dataset in memory\r\n",
                b"-ERR max number of clients reached\r\n",
                b"-ERR unknown command 'AUTH'\r\n",
                b"-MASTERDOWN Link with MASTER is down\r\n",
            )
        ),
        *(
            ({"script": [answer]}, "cannot be reached")
            for answer in (
                b"",
                b"HTTP/1.1 400 Bad Request\r\n",
                # redis-py quotes an answer that is not of its protocol.
                f"AUTH {USERNAME} {PENDING_PASSWORD}\r\n".encode(),
                TimeoutError("timed out"),
                ConnectionResetError(104, "reset"),
                ssl.SSLEOFError(8, "EOF occurred in violation of protocol"),
            )
        ),
        ({"write_error": BrokenPipeError(32, "Broken pipe")}, "cannot be reached"),
        *(
            ({"connect_error": error}, f"cannot be reached ({type(error).__name__})")
            for error in (
                TimeoutError("timed out"),
                socket.gaierror(-2, "Name or service not known"),
                ConnectionRefusedError(111, "refused"),
                OSError("getaddrinfo returned an empty list"),
                ssl.SSLEOFError(8, "EOF occurred in violation of protocol"),
            )
        ),
        (
            {"connect_error": TimeoutError("_ssl.c:989: The handshake operation timed out")},
            "TLS handshake timed out",
        ),
        *(
            ({"connect_error": error}, f"could not be verified ({detail})")
            for error, detail in (
                (certificate_error("Hostname mismatch"), "Hostname mismatch"),
                (no_tls(), "WRONG_VERSION_NUMBER"),
                (ssl.SSLError(1, "something else"), "no TLS"),
                (ssl.SSLError(), "no TLS"),
                (ssl.SSLCertVerificationError(1, "without a message"), "no TLS"),
            )
        ),
    ],
)
def test_a_login_that_fails_says_where_to_look(
    network: FakeNetwork, fault: Json, text: str
) -> None:
    vars(network).update(fault)
    with pytest.raises(errors.RotationError) as caught, connected(network) as node:
        node.accepts(PENDING_PASSWORD)
    kind = errors.CertificateError if "verified" in text else errors.EndpointUnreachableError
    assert type(caught.value) is kind
    assert f"{ENDPOINT} " in str(caught.value)
    assert text in str(caught.value)
    assert_no_leak([PENDING_PASSWORD], error=caught.value)


def test_a_second_connection_fails_like_the_first(network: FakeNetwork) -> None:
    with connected(network, WRONGPASS) as node:
        node.require_a_password()
        network.connect_error = certificate_error("expired")
        with pytest.raises(errors.CertificateError):
            node.accepts(PENDING_PASSWORD)


def test_nothing_but_auth_is_ever_sent(network: FakeNetwork) -> None:
    with connected(network, WRONGPASS, OK, OK, WRONGPASS) as node:
        assert network.sent == b""
        node.require_a_password()
        node.require_login(PENDING_PASSWORD, "new")
        node.require_login(CURRENT_PASSWORD, "current")
        assert not node.accepts_any_password()
    commands = network.commands()
    assert [command[:2] for command in commands] == [["AUTH", USERNAME]] * 4
    made_up, *tried, another = (password for _, _, password in commands)
    assert tried == [PENDING_PASSWORD, CURRENT_PASSWORD]
    assert len({made_up, another}) == 2
    assert min(len(made_up), len(another)) >= 16


def test_after_a_refusal_the_next_password_gets_an_answer_of_its_own(network: FakeNetwork) -> None:
    with connected(network, WRONGPASS, OK, WRONGPASS, WRONGPASS, OK) as node:
        answers = [node.accepts("x" * 16) for _ in range(5)]
    assert answers == [False, True, False, False, True]


def test_a_node_that_takes_any_password_is_refused(network: FakeNetwork) -> None:
    with (
        pytest.raises(errors.AnyPasswordAcceptedError, match=f"{USERNAME} .* node-1") as caught,
        connected(network, OK) as node,
    ):
        node.require_a_password()
    assert_no_leak([network.commands()[0][2]], error=caught.value)


def test_a_required_password_that_is_refused_is_named(network: FakeNetwork) -> None:
    with (
        pytest.raises(errors.PasswordRefusedError, match=r"The current .* node-1") as caught,
        connected(network, WRONGPASS) as node,
    ):
        node.require_login(CURRENT_PASSWORD, "current")
    assert_no_leak([CURRENT_PASSWORD], error=caught.value)


def test_the_connection_is_closed_when_the_caller_fails(network: FakeNetwork) -> None:
    with pytest.raises(ZeroDivisionError), connected(network):
        raise ZeroDivisionError
    assert network.connections["opened"] == 1


def test_timeouts_are_short_and_certificate_and_name_are_verified(network: FakeNetwork) -> None:
    with connected(network):
        pass
    connection = network.connection
    assert connection
    assert (connection.host, connection.port) == (ENDPOINT.address, ENDPOINT.port)
    assert 0 < (connection.socket_connect_timeout or 0) <= 5
    assert 0 < (connection.socket_timeout or 0) <= 10
    assert connection.cert_reqs is ssl.CERT_REQUIRED
    assert connection.check_hostname is True
    assert (connection.username, connection.password) == (None, None)
