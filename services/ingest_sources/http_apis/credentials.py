"""Who asks: secrets from files, and tokens that are got by them."""

import base64
from typing import Protocol

import httpx
import msgspec

from headrace.clock import Clock
from headrace.errors import ConfigurationError, TransientError
from ingest_sources.http_apis.hidden import Hidden
from ingest_sources.http_apis.http_client import NOBODY, HttpClient, Signature
from ingest_sources.http_apis.http_source import Auth, BasicAuth, BearerAuth, HeaderAuth, OAuth2Auth
from ingest_sources.secret_files import Secrets

_EARLY_S = 30.0
_UNSAID_S = 300.0


class Credentials(Protocol):
    """Signs requests."""

    def signature(self, client: HttpClient) -> Signature:
        """What is sent with a request now.

        Raises:
            TransientError, ConfigurationError: no token can be got.
        """
        ...

    def renew(self) -> bool:
        """The server refused what was sent; returns whether there may be another one."""
        ...


class Fixed:
    """The same with each request."""

    def __init__(self, signature: Signature) -> None:
        self._signature = signature

    def signature(self, client: HttpClient) -> Signature:
        return self._signature

    def renew(self) -> bool:
        return False


class _Token(msgspec.Struct):
    access_token: str
    token_type: str = "bearer"  # noqa: S105 - a kind
    expires_in: float | str | None = None


class ClientCredentials:
    """Tokens of OAuth2 client credentials, each used until shortly before it expires.

    Args:
        secret: of the client.
        hidden: told each token.
    """

    def __init__(self, auth: OAuth2Auth, secret: str, hidden: Hidden, clock: Clock) -> None:
        self._auth = auth
        self._secret = secret
        self._hidden = hidden
        self._clock = clock
        self._token = ""
        self._until = 0.0

    def use(self, secret: str) -> None:
        """The secret as it is now in its file; another one makes another token."""
        if secret != self._secret:
            self._secret, self._token = secret, ""

    def signature(self, client: HttpClient) -> Signature:
        if not self._token or self._clock.monotonic() >= self._until:
            self._get(client)
        return Signature({"authorization": f"Bearer {self._token}"}, {})

    def renew(self) -> bool:
        self._token = ""
        return True

    def _get(self, client: HttpClient) -> None:
        auth = self._auth
        form = {"grant_type": "client_credentials", **({"scope": auth.scope} if auth.scope else {}), **auth.params}
        headers = {}
        if auth.client_in == "body":
            form |= {"client_id": auth.client_id, "client_secret": self._secret}
        else:
            # RFC 6749, section 2.3.1: both are encoded as a form is, before they are joined.
            pair = [str(httpx.QueryParams({"": text}))[1:] for text in (auth.client_id, self._secret)]
            headers["authorization"] = _basic(*pair)
            self._hidden.add(headers["authorization"].removeprefix("Basic "))
        asked = self._clock.monotonic()
        answer = client.post_form(httpx.URL(auth.token_url), form, headers)
        if answer.status >= 500 or answer.status in (408, 429):
            raise TransientError(f"{answer.place} gives no token for now: {answer.status}")
        if answer.status != 200:
            raise ConfigurationError(f"{answer.place} gives no token: {answer.status}, {answer.beginning}")
        try:
            token = msgspec.json.decode(answer.body, type=_Token)
            lasts = float(token.expires_in or _UNSAID_S)
        except (msgspec.MsgspecError, ValueError):
            # Its beginning may be the token.
            raise ConfigurationError(f"{answer.place} answers with what is no token (RFC 6749, section 5.1)") from None
        if token.token_type.lower() != "bearer" or not token.access_token.isascii():
            raise ConfigurationError(f"{answer.place} gives tokens of type {token.token_type}; Bearer is known")
        self._hidden.add_token(token.access_token)
        self._token = token.access_token
        self._until = asked + max(lasts - _EARLY_S, lasts / 2)


def fixed_signature(auth: Auth | None, secrets: Secrets, hidden: Hidden) -> Signature:
    """What is sent for secrets that are used as they are.

    Raises:
        ConfigurationError: a secret is missing, or can't be sent.
    """
    if auth is None or isinstance(auth, OAuth2Auth):
        return NOBODY
    secret = secrets.get(auth.secret)
    hidden.add(secret)
    if isinstance(auth, BasicAuth):
        authorization = _basic(auth.user, secret)
        hidden.add(authorization.removeprefix("Basic "))
        return Signature({"authorization": authorization}, {})
    if not isinstance(auth, BearerAuth | HeaderAuth):
        return Signature({}, {auth.name: secret})
    if not (secret.isascii() and secret.isprintable()):
        raise ConfigurationError(f"secret {auth.secret} has a line break or a letter that no header can hold")
    if isinstance(auth, BearerAuth):
        return Signature({"authorization": f"Bearer {secret}"}, {})
    return Signature({auth.name.lower(): secret}, {})


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
