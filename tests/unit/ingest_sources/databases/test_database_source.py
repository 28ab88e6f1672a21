"""What a file of kind `database` may say."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from headrace.errors import ConfigurationError
from ingest_sources.databases.database_source import DatabaseSource
from ingest_sources.source import load_source


def source(incremental: dict[str, Any] | None = None, **database: Any) -> DatabaseSource:
    options = {"url": "postgresql://reader@db/shop", "table": "orders", **database}
    content = {"name": "orders", "kind": "database", "database": options, "into": {"topic": "sources.o", "key": "{id}"}}
    return DatabaseSource.model_validate({**content, **({"incremental": incremental} if incremental else {})})


def test_postgresql_means_the_driver_that_is_tested() -> None:
    assert source().database.address.drivername == "postgresql+psycopg2"
    assert source(url="postgresql+psycopg://db/shop").database.address.drivername == "postgresql+psycopg"
    assert source(schema="public").database.place == "public.orders"


@pytest.mark.parametrize(
    ("database", "what"),
    [
        ({"url": "postgresql://reader:hidden@db/shop"}, "password_secret"),
        ({"url": "postgresql://db/shop?password=hidden"}, "password_secret"),
        ({"url": "postgresql://db/shop?sslpassword=hidden"}, "password_secret"),
        ({"url": "the shop"}, "is no URL"),
        ({"columns": ["id", "id"]}, "names id twice"),
        ({"query": "SELECT 1"}, "Extra inputs"),
    ],
)
def test_mistakes_are_told_without_the_password(tmp_path: Path, database: dict[str, Any], what: str) -> None:
    content = source().model_dump(mode="json", exclude={"name"}, by_alias=True, exclude_unset=True)
    content["database"] |= database
    path = tmp_path / "orders.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigurationError, match=what) as caught:
        load_source(path)
    assert "hidden" not in str(caught.value)


def test_zone_must_be_one() -> None:
    with pytest.raises(ValidationError, match="Europe/Oslo is one"):
        source({"column": "at", "zone": "Mars"})
