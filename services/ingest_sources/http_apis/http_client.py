"""One request and its answer: redirects, limits, and the names of what can go wrong.

It is made of httpcore, on which httpx stands, and of httpx's types: httpx's own client keeps cookies, reads proxies and
passwords from the environment, and logs addresses with all that is in them.
"""

import ssl
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass

import httpcore
import httpx

from headrace.errors import ConfigurationError, TransientError
from ingest_sources.http_apis.answer import Answer
from ingest_sources.http_apis.body import PACKINGS, read_body
from ingest_sources.http_apis.hidden import Hidden
from ingest_sources.http_apis.http_source import HttpLimits
from ingest_sources.http_apis.look_up import LookUp
from ingest_sources.http_apis.origin import Reach
from ingest_sources.http_apis.pinned_network import Deadline, PinnedNetwork

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_ERROR_BYTES = 16_384
_KEPT_S = 15.0
_OWN = {"accept": "application/json", "accept-encoding": PACKINGS, "user-agent": "headrace"}


@dataclass(frozen=True)
class Signature:
    """What shows who asks; sent to the source's own origin alone."""

    headers: Mapping[str, str]
    query: Mapping[str, str]


NOBODY = Signature({}, {})


class HttpClient:
    """Connections of one run. One thread asks; `cancel` may be called by another.

    Args:
        headers: sent with each request.
        network: what connects, for tests.
    """

    def __init__(
        self,
        headers: Mapping[str, str],
        limits: HttpLimits,
        tls: ssl.SSLContext,
        hidden: Hidden,
        look_up: LookUp,
        allow_private: bool,
        network: httpcore.NetworkBackend | None = None,
    ) -> None:
        self._headers = {**_OWN, **{name.lower(): value for name, value in headers.items()}}
        self._limits = limits
        self._hidden = hidden
        self._deadline = Deadline()
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls,
            max_connections=4,
            keepalive_expiry=_KEPT_S,
            http1=True,
            http2=False,
            network_backend=PinnedNetwork(look_up, allow_private, self._deadline, network),
        )

    def get(self, url: httpx.URL, headers: Mapping[str, str], signature: Signature, reach: Reach) -> Answer:
        """Asks, and follows redirects within reach.

        Raises:
            TransientError: no whole answer came; another try may get one.
            ConfigurationError: only a person can mend it.
        """
        self._deadline.begin(self._limits.timeout_s)
        for _ in range(self._limits.max_redirects + 1):
            is_home = reach.is_home(url)
            own = signature if is_home else NOBODY
            answer = self._exchange("GET", url, {**self._headers, **headers, **own.headers}, query=own.query)
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or location is None:
                return answer
            url = without(joined(url, location, f"the redirect of {answer.place}"), signature.query)
            reach.check(url, f"the redirect of {answer.place}")
        raise ConfigurationError(f"{self._hidden.place(url)}: more than {self._limits.max_redirects} redirects")

    def post_form(self, url: httpx.URL, form: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """Sends a form; follows nothing.

        Raises:
            TransientError, ConfigurationError: as `get`.
        """
        self._deadline.begin(self._limits.timeout_s)
        content = str(httpx.QueryParams(dict(form))).encode()
        own = {**_OWN, "content-type": "application/x-www-form-urlencoded", "content-length": str(len(content))}
        return self._exchange("POST", url, {**own, **headers}, content)

    def cancel(self) -> None:
        """Ends what is under way, soon."""
        self._deadline.cancel()

    def close(self) -> None:
        """Closes the connections; never raises."""
        with suppress(Exception):
            self._pool.close()

    def _exchange(
        self,
        method: str,
        url: httpx.URL,
        headers: Mapping[str, str],
        content: bytes = b"",
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        place = self._hidden.place(url)
        sent = [(b"host", url.netloc), *((name.encode(), value.encode()) for name, value in headers.items())]
        asked = url.copy_merge_params(query) if query else url
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=asked.raw_path)
        request = httpcore.Request(method, target, headers=sent, content=content)
        try:
            response = self._pool.handle_request(request)
            with closing(response):
                return self._answer(response, url, place)
        except httpcore.LocalProtocolError as error:
            raise ConfigurationError(self._hidden.text(f"{place} can't be asked: {error}")) from error
        except httpcore.ConnectError as error:
            raise TransientError(f"{place} can't be connected to: {error}") from error
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
            said = str(error) or type(error).__name__
            raise TransientError(self._hidden.text(f"{place} does not answer: {said}")) from error

    def _answer(self, response: httpcore.Response, url: httpx.URL, place: str) -> Answer:
        headers = httpx.Headers(response.headers)
        status = response.status
        body = b""
        if 200 <= status < 300:
            limit = int(self._limits.max_answer_mb * 1_000_000)
            body = read_body(response.iter_stream(), headers.get("content-encoding", ""), limit, place)
        elif status not in _REDIRECTS and status != 304:
            body = self._beginning(response, headers)
        return Answer(status, headers, url, body, self._hidden)

    def _beginning(self, response: httpcore.Response, headers: httpx.Headers) -> bytes:
        """Of an answer that says what is wrong, as much as a person reads."""
        if headers.get("content-encoding", "identity") != "identity":
            return b""
        body = b""
        for chunk in response.iter_stream():
            body += chunk
            if len(body) >= _ERROR_BYTES:
                break
        return body[:_ERROR_BYTES]


def joined(base: httpx.URL, address: str, what: str) -> httpx.URL:
    """An address as an answer names it, in full or in part, without user, password and fragment.

    Raises:
        ConfigurationError: it is none.
    """
    try:
        url = base.join(address)
        return url.copy_with(userinfo=b"", fragment=None)
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise ConfigurationError(f"{what} is no address: {error}") from error


def without(url: httpx.URL, params: Iterable[str]) -> httpx.URL:
    """An address without some parameters."""
    for param in params:
        url = url.copy_remove_param(param) if param in url.params else url
    return url
