"""Connections to checked addresses only, with an end to how long an answer may take."""

import ssl
import time
from collections.abc import Iterable

import httpcore

from headrace.errors import ConfigurationError
from ingest_sources.http_apis.look_up import LookUp
from ingest_sources.http_apis.safe_address import is_allowed

_SLICE_S = 0.2
_CONNECT_S = 10.0


class Deadline:
    """When what is under way must have ended; another thread may end it at once."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._end = 0.0
        self._is_cancelled = False

    def begin(self, seconds: float) -> None:
        """It ends so many seconds from now."""
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def cancel(self) -> None:
        """It ends now, and so does all that is begun later."""
        self._is_cancelled = True

    def left(self) -> float:
        """Seconds until then.

        Raises:
            httpcore.ReadTimeout: it is past.
        """
        left = self._end - time.monotonic()
        if left <= 0 or self._is_cancelled:
            raise httpcore.ReadTimeout(f"the answer did not end within {self._seconds:g} s")
        return left


class PinnedNetwork(httpcore.NetworkBackend):
    """Looks a name up once for each connection, checks all its addresses, and connects to one of just these.

    So a name that answers differently the next time gains nothing. The name stays that of TLS and of the header Host.

    Args:
        network: what connects; given an address, never a name.
    """

    def __init__(
        self, look_up: LookUp, allow_private: bool, deadline: Deadline, network: httpcore.NetworkBackend | None = None
    ) -> None:
        self._look_up = look_up
        self._allow_private = allow_private
        self._deadline = deadline
        self._network = network or httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """As httpcore calls it.

        Raises:
            ConfigurationError: one of the addresses is not for a source to connect to.
            TransientError: no address is found.
        """
        addresses = self._checked(host.strip("[]"), port)
        for address in addresses:
            try:
                stream = self._network.connect_tcp(
                    address, port, min(self._deadline.left(), _CONNECT_S), local_address, socket_options
                )
                return _TimedStream(stream, self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if address == addresses[-1]:
                    raise
        raise httpcore.ConnectError(f"{host} has no address")

    def _checked(self, host: str, port: int) -> list[str]:
        addresses = list(self._look_up(host, port))
        for address in addresses:
            if not is_allowed(address, self._allow_private):
                raise ConfigurationError(
                    f"{host} has the address {address}, which sources may not connect to"
                    + ("" if self._allow_private else "; `allow_private: true` lets a source reach private networks")
                )
        return addresses


class _TimedStream(httpcore.NetworkStream):
    """Each step ends with the deadline, so that one byte a second does not go on for ever."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while True:
            try:
                return self._stream.read(max_bytes, min(self._deadline.left(), _SLICE_S))
            except httpcore.ReadTimeout:
                self._deadline.left()

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = min(self._deadline.left(), _CONNECT_S)
        try:
            return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, left), self._deadline)
        except httpcore.ConnectError as error:
            # httpcore's pool takes the cause away.
            if isinstance(error.__cause__, ssl.SSLCertVerificationError):
                raise ConfigurationError(
                    f"the certificate of {server_hostname} is not to be trusted: {error.__cause__.verify_message}; "
                    "`ca_file` names certificates of your own"
                ) from error
            raise

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)
