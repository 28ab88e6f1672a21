"""Where a database is, and the driver that is meant."""

from sqlalchemy import URL, make_url

_POSTGRESQL = "postgresql+psycopg2"


def address_of(url: str) -> URL:
    """As SQLAlchemy has it; `postgresql://` and `postgres://` mean psycopg2.

    Raises:
        ArgumentError, ValueError: it is no URL.
    """
    found = make_url(url)
    return found.set(drivername=_POSTGRESQL) if found.drivername in ("postgresql", "postgres") else found
