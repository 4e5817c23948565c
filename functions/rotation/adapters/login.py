"""Logs in to a node of a cache over verified TLS, as a client does."""

import secrets
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from redis.connection import SSLConnection
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,
    NoPermissionError,
    RedisError,
    ResponseError,
    TimeoutError,
)

from rotation.errors import (
    AnyPasswordAcceptedError,
    CertificateError,
    EndpointUnreachableError,
    PasswordRefusedError,
)
from rotation.records.endpoint import Endpoint


class NodeConnection:
    """An endpoint to try passwords on. redis-py reconnects after a refused password."""

    def __init__(self, endpoint: Endpoint, username: str, connection: SSLConnection) -> None:
        self._endpoint = endpoint
        self._username = username
        self._connection = connection

    @property
    def endpoint(self) -> Endpoint:
        """The node's endpoint."""
        return self._endpoint

    @classmethod
    @contextmanager
    def open(cls, endpoint: Endpoint, username: str) -> Iterator["NodeConnection"]:
        """Connect, and verify the certificate; nothing is sent yet.

        Raises:
            EndpointUnreachableError: there is no connection, or it breaks.
            CertificateError: the node has no TLS, or its certificate could not be verified.
        """
        # RESP2 and no driver_info: no command precedes AUTH that a narrow ACL could refuse.
        connection = SSLConnection(
            host=endpoint.address,
            port=endpoint.port,
            protocol=2,
            driver_info=None,
            socket_connect_timeout=3,
            socket_timeout=5,
        )
        try:
            with _connection_errors(endpoint):
                connection.connect()
            yield cls(endpoint, username, connection)
        finally:
            connection.disconnect()

    def accepts(self, password: str) -> bool:
        """Whether the password logs in.

        Valkey answers WRONGPASS to a wrong password, an unknown user and a user that is off
        (valkey-io/valkey, src/acl.c). The ACL does not apply to AUTH: only a user that is logged in
        gets NOPERM.
        """
        with _connection_errors(self._endpoint):
            try:
                self._connection.send_command("AUTH", self._username, password, check_health=False)
                self._connection.read_response()
            except NoPermissionError:
                return True
            except AuthenticationError:
                # redis-py derives it from ConnectionError, which _connection_errors catches.
                return False
        return True

    def require_login(self, password: str, which: str) -> None:
        """Raises PasswordRefusedError unless the password logs in; ``which`` names it."""
        if not self.accepts(password):
            raise PasswordRefusedError(
                f"The {which} password of user {self._username} does not log in on "
                f"{self._endpoint}. Valkey answers the same to a wrong password as to a user that "
                "is off or unknown to the node."
            )

    def accepts_any_password(self) -> bool:
        """Whether a made-up password logs in, as it does for a `nopass` user."""
        return self.accepts(secrets.token_hex(16))

    def require_a_password(self) -> None:
        """Raises AnyPasswordAcceptedError if any password logs in: a login then proves nothing."""
        if self.accepts_any_password():
            raise AnyPasswordAcceptedError(
                f"A made-up password of user {self._username} logs in on {self._endpoint}: the "
                "node does not require one. Check the user's ACL on that node."
            )


@contextmanager
def _connection_errors(endpoint: Endpoint) -> Iterator[None]:
    try:
        yield
    except (ConnectionError, TimeoutError, OSError, RedisError) as error:
        reason = error.__context__ or error
        if isinstance(reason, ssl.SSLError) and not isinstance(reason, ssl.SSLEOFError):
            detail = (
                getattr(reason, "verify_message", "") or getattr(reason, "reason", "") or "no TLS"
            )
            raise CertificateError(
                f"The TLS certificate of {endpoint} could not be verified ({detail}). Caches with "
                "users have encryption in transit. Check the address, and what answers there."
            ) from None
        # redis-py has no class for Valkey's refusal of a client above maxclients.
        full = "max number of clients" in str(error)
        if full or isinstance(reason, ResponseError | BusyLoadingError):
            raise EndpointUnreachableError(
                f"{endpoint} answers, but accepts no login ({type(reason).__name__}). It may be "
                "loading, or all its connections may be in use."
            ) from None
        if isinstance(reason, OSError) and "handshake" in str(reason):
            raise EndpointUnreachableError(
                f"{endpoint} accepts connections, but its TLS handshake timed out. It may be "
                "overloaded, or its encryption in transit may be off."
            ) from None
        raise EndpointUnreachableError(
            f"{endpoint} cannot be reached ({type(reason).__name__}). Check the subnets and "
            "security groups of the function and of the cache."
        ) from None
