"""What the runs of one source share: credentials, pace, and whom it trusts."""

import logging
import ssl

import certifi
import httpcore
import httpx

from headrace.clock import Clock, SystemClock
from headrace.errors import ConfigurationError
from ingest_sources.http_apis.connection import Connection
from ingest_sources.http_apis.credentials import ClientCredentials, Credentials, Fixed, fixed_signature
from ingest_sources.http_apis.hidden import Hidden
from ingest_sources.http_apis.http_client import HttpClient
from ingest_sources.http_apis.http_feed import HttpFeed
from ingest_sources.http_apis.http_source import HttpOptions, OAuth2Auth
from ingest_sources.http_apis.look_up import LookUp, look_up
from ingest_sources.http_apis.origin import Reach
from ingest_sources.http_apis.pace import Pace
from ingest_sources.secret_files import Secrets


class HttpConnector:
    """Makes the feed of each run.

    Args:
        look_up, network: in place of the system's, for tests.

    Raises:
        ConfigurationError: a secret, `ca_file` or one of `hosts` is wrong.
    """

    def __init__(
        self,
        options: HttpOptions,
        secrets: Secrets,
        look_up: LookUp = look_up,
        network: httpcore.NetworkBackend | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._options = options
        self._secrets = secrets
        self._look_up = look_up
        self._network = network
        self._clock = clock or SystemClock()
        self._hidden = Hidden()
        self._pace = Pace(options.requests_per_second, self._clock)
        self._reach = Reach(httpx.URL(options.url), options.hosts)
        self._tls = _tls(options)
        self._tokens: ClientCredentials | None = None
        self._credentials()
        # At DEBUG it writes all headers of answers, which may repeat secrets.
        logging.getLogger("httpcore").setLevel(logging.INFO)

    def __call__(self) -> HttpFeed:
        """A feed for one run.

        Raises:
            ConfigurationError: a secret is wrong.
        """
        options = self._options
        credentials = self._credentials()
        client = HttpClient(
            options.headers,
            options.limits,
            self._tls,
            self._hidden,
            self._look_up,
            options.allow_private,
            self._network,
        )
        connection = Connection(client, credentials, self._reach, self._pace, options.limits, self._clock)
        return HttpFeed(options, connection, self._hidden, self._clock)

    def _credentials(self) -> Credentials:
        """With the secret as it is in its file now: another one needs no restart."""
        auth = self._options.auth
        if not isinstance(auth, OAuth2Auth):
            return Fixed(fixed_signature(auth, self._secrets, self._hidden))
        secret = self._secrets.get(auth.secret)
        self._hidden.add(secret)
        if self._tokens is None:
            self._tokens = ClientCredentials(auth, secret, self._hidden, self._clock)
        self._tokens.use(secret)
        return self._tokens


def _tls(options: HttpOptions) -> ssl.SSLContext:
    path = options.ca_file or certifi.where()
    try:
        return ssl.create_default_context(cafile=str(path))
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"ca_file {path} has no certificates that can be read: {error}") from error
