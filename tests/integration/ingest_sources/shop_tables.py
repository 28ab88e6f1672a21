"""A schema of PostgreSQL for each test."""

import json
from contextlib import closing
from typing import Any
from uuid import uuid4

from sqlalchemy import NullPool, create_engine, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection

from deploy.local.stack import Stack
from ingest_sources.databases.database_feed import DatabaseFeed
from ingest_sources.databases.database_source import DatabaseOptions, Incremental
from ingest_sources.databases.session import engine_of
from ingest_sources.feeds.feed import FeedPart


class Shop:
    """A schema of its own with a table of orders, seen by its own connections and by feeds."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.url = make_url(stack.postgres_url)
        self.schema = f"shop_{uuid4().hex[:8]}"
        self.password = str(self.url.password)
        stack.up("postgres")
        self.execute(f"CREATE SCHEMA {self.schema}")
        self.execute(
            "CREATE TABLE orders (id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), amount numeric)"
        )

    def connect(self) -> DBAPIConnection:
        """A client of the database, which commits when told to."""
        arguments = {"options": f"-c search_path={self.schema},public"}
        url = self.url.set(drivername="postgresql+psycopg2")
        return create_engine(url, poolclass=NullPool, connect_args=arguments).raw_connection()

    def execute(self, *statements: str) -> None:
        with closing(self.connect()) as connection:
            for statement in statements:
                connection.cursor().execute(statement)
            connection.commit()

    def add(self, count: int, at: str = "now()") -> None:
        self.execute(
            f"INSERT INTO orders (at, amount) SELECT {at}, n / 4.0 FROM generate_series(1, {count}) n"  # noqa: S608
        )

    def address(self, database: str = "") -> str:
        """Without the password."""
        url = self.url
        return f"postgresql://{url.username}@{url.host}:{url.port}/{database or url.database}"

    def database(self, **changes: Any) -> dict[str, Any]:
        """The part of a source's file."""
        return {"url": self.address(), "password_secret": "shop", "schema": self.schema, "table": "orders", **changes}

    def feed(
        self, incremental: dict[str, Any] | None = None, password: str | None = None, **changes: Any
    ) -> DatabaseFeed:
        options = DatabaseOptions.model_validate(self.database(**changes))
        engine = engine_of(options.address, "orders", password or self.password)
        return DatabaseFeed(engine, options, Incremental.model_validate(incremental) if incremental else None)

    def parts(self, cursor: Any = None, incremental: dict[str, Any] | None = None, **changes: Any) -> list[FeedPart]:
        """One run, without Kafka."""
        with closing(self.feed(incremental, **changes)) as feed:
            return [part for part in feed.parts(json.loads(json.dumps(cursor))) if part is not None]
