"""A source of kind `http`: rows of an API that answers in JSON."""

import datetime
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import httpx
from pydantic import Field, StringConstraints, field_validator, model_validator

from ingest_sources.feeds.feed_source import PolledSource
from ingest_sources.http_apis.marks import Mark, MarkOrder
from ingest_sources.model_part import Part

Text = Annotated[str, StringConstraints(min_length=1)]
Place = Text
"""Names with dots between them, as `data.items`; a number is a place in an array, -1 its last."""
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
_NOT_A_HEADER = frozenset(
    ("authorization", "proxy-authorization", "cookie", "host", "content-length", "transfer-encoding", "connection")
)
_OURS = frozenset(("accept-encoding", "if-none-match", "if-modified-since", "te", "upgrade"))


class BearerAuth(Part):
    """`Authorization: Bearer SECRET`."""

    kind: Literal["bearer"]
    secret: Text


class HeaderAuth(Part):
    """A header of the API's own."""

    kind: Literal["header"]
    name: Text
    secret: Text

    @field_validator("name")
    @classmethod
    def _is_a_header(cls, name: str) -> str:
        if not _HEADER_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a header")
        return name


class QueryAuth(Part):
    """A parameter of the address."""

    kind: Literal["query"]
    name: Text
    secret: Text


class BasicAuth(Part):
    """A user and a password."""

    kind: Literal["basic"]
    user: Text
    secret: Text


class OAuth2Auth(Part):
    """Client credentials (RFC 6749, section 4.4).

    Attributes:
        client_in: whether id and secret are sent as HTTP Basic or in the form.
        params: what the server wants besides, such as `audience`.
    """

    kind: Literal["oauth2"]
    token_url: Text
    client_id: Text
    secret: Text
    scope: str = ""
    client_in: Literal["header", "body"] = "header"
    params: dict[str, str] = Field(default_factory=dict)

    @field_validator("token_url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        return _checked_url(url)


Auth = Annotated[BearerAuth | HeaderAuth | QueryAuth | BasicAuth | OAuth2Auth, Field(discriminator="kind")]


class _Counted(Part):
    """Attributes:
    size_param, size: how many rows a page is asked to have. A server may give fewer: a short page is not the last.
    total: place of how many there are: pages of `page`, rows of `offset`.
    more: place of a value that is false on the last page.
    end_status: a status that means: there is no such page.
    """

    param: Text
    size_param: Text | None = None
    size: int | None = Field(None, ge=1)
    total: Place | None = None
    more: Place | None = None
    end_status: int | None = Field(None, ge=400, le=499)

    @model_validator(mode="after")
    def _has_both(self) -> Self:
        if (self.size_param is None) != (self.size is None):
            raise ValueError("give both `size_param` and `size`, or none of them")
        return self


class PageNumber(_Counted):
    """Pages by number; a page without rows is after the last."""

    kind: Literal["page"]
    param: Text = "page"
    first: int = Field(1, ge=0)


class RowOffset(_Counted):
    """Pages by the number of rows before them; a page without rows is after the last."""

    kind: Literal["offset"]
    param: Text = "offset"


class PageCursor(Part):
    """The answer says with which value the next page is asked for.

    Attributes:
        place, header: where it is, in the body or as a header; no value, an empty one or null is the end.
        more: place of a value that is false on the last page.
    """

    kind: Literal["cursor"]
    param: Text
    place: Place | None = None
    header: Text | None = None
    size_param: Text | None = None
    size: int | None = Field(None, ge=1)
    more: Place | None = None

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if (self.place is None) == (self.header is None):
            raise ValueError("give either `place` or `header`, where the next page's cursor is")
        if (self.size_param is None) != (self.size is None):
            raise ValueError("give both `size_param` and `size`, or none of them")
        return self


class LinkHeader(Part):
    """The header Link with rel=next (RFC 8288)."""

    kind: Literal["link"]


class NextUrl(Part):
    """The next page's address is in the body.

    Attributes:
        place: no value, an empty one or null is the end.
    """

    kind: Literal["next_url"]
    place: Place = "next"


Paging = Annotated[PageNumber | RowOffset | PageCursor | LinkHeader | NextUrl, Field(discriminator="kind")]


class Incremental(Part):
    """Only what is new since the run before: the highest mark so far is sent as a parameter.

    Attributes:
        place: of the mark in a row: a time (ISO 8601; without a zone it is UTC), a number, or a text that sorts.
        start: the first run's mark; it also says which of the three a mark is.
        overlap_seconds: so much earlier is asked again, for rows that are seen late; those known are left out.
        epoch: what numbers count, where they are times and `overlap_seconds` is given.
        id: places that tell rows apart.
    """

    param: Text
    place: Place
    start: Mark
    overlap_seconds: float = Field(0, ge=0)
    epoch: Literal["s", "ms", "us"] = "s"
    id: Place | tuple[Place, ...] = ()

    @field_validator("start", mode="before")
    @classmethod
    def _is_plain(cls, start: Any) -> Any:
        if isinstance(start, datetime.date | bool):
            raise ValueError('write it as the API wants it, in quotes, such as "2020-01-01T00:00:00Z", or as a number')
        return start

    @model_validator(mode="after")
    def _can_overlap(self) -> Self:
        self.order().sent(self.start)
        return self

    def order(self) -> MarkOrder:
        """How marks compare.

        Raises:
            ValueError: texts that are no times have no overlap in seconds, and none is longer than time is.
        """
        return MarkOrder(self.start, self.overlap_seconds, self.epoch)

    @property
    def id_places(self) -> tuple[str, ...]:
        """`id` as it may be one or several."""
        return (self.id,) if isinstance(self.id, str) else self.id


class HttpLimits(Part):
    """Attributes:
    max_answer_mb: of an answer's body, unpacked.
    timeout_s: for an answer as a whole, redirects and body included.
    tries: of a page, before the run is given up for the moment.
    max_wait_s: the longest that a Retry-After is waited for at a time.
    batch_rows: rows that are delivered at once; a page with more is delivered in several parts.
    """

    max_answer_mb: float = Field(32, gt=0, le=1_024)
    timeout_s: float = Field(30, gt=0, le=3_600)
    max_pages: int = Field(10_000, ge=1)
    max_redirects: int = Field(5, ge=0, le=20)
    tries: int = Field(4, ge=1, le=20)
    max_wait_s: float = Field(300, gt=0, le=86_400)
    batch_rows: int = Field(5_000, ge=1, le=50_000)


class HttpOptions(Part):
    """Attributes:
    headers: without secrets; those have their place under `auth`.
    rows: place of the array in the answer; empty is the answer itself: an array, an object, or lines of objects.
    paging: None: one answer is all.
    hosts: besides that of `url`, as NAME or NAME:PORT, where redirects and pages may lead. They get no credentials.
    allow_private: addresses of this machine and of private networks may be connected to.
    ca_file: certificates to trust in place of the usual ones.
    """

    url: Text
    headers: dict[str, str] = Field(default_factory=dict)
    params: dict[str, str | int | float | bool] = Field(default_factory=dict)
    auth: Auth | None = None
    rows: str = ""
    paging: Paging | None = None
    incremental: Incremental | None = None
    hosts: tuple[Text, ...] = ()
    allow_private: bool = False
    ca_file: Path | None = None
    requests_per_second: float | None = Field(None, gt=0)
    limits: HttpLimits = HttpLimits()

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        return _checked_url(url)

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                raise ValueError(f"{name!r}: that is no name and value of a header")
            if name.lower() in _NOT_A_HEADER:
                raise ValueError(f"{name} is not set here: name a secret under `auth`, and the host in `url`")
            if name.lower() in _OURS:
                raise ValueError(f"{name} is Headrace's own to set")
        return headers

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        is_plain = self.url.startswith("http:") and self.auth is not None
        if isinstance(self.auth, OAuth2Auth):
            is_plain = is_plain or self.auth.token_url.startswith("http:")
        if is_plain and not self.allow_private:
            raise ValueError(
                "the secret would be sent as plain text: use https, or allow_private in a network of yours"
            )
        if isinstance(self.auth, QueryAuth) and self.auth.name in self.params:
            raise ValueError(f"{self.auth.name} is both in `params` and the secret of `auth`")
        return self


class HttpSource(PolledSource):
    """Rows of an API's answers in their order; a row's number counts those of all runs."""

    kind: Literal["http"]
    http: HttpOptions


def _checked_url(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"{url!r} is no address: {error}") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ValueError("it begins with https:// or http:// and a host")
    if parsed.userinfo:
        raise ValueError("it has a user or a password in it: name a secret under `auth`")
    if parsed.fragment:
        raise ValueError("it has a `#`, of which no server is told")
    return url
