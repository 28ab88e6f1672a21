"""The connector of each kind of source: the one place that knows all of them."""

from collections.abc import Callable
from dataclasses import dataclass

from ingest_sources.changes.changes_feed import changes_connector
from ingest_sources.changes.changes_source import ChangesSource
from ingest_sources.databases.database_feed import DatabaseFeed
from ingest_sources.databases.database_source import DatabaseSource
from ingest_sources.databases.session import engine_of
from ingest_sources.feeds.feed import Feed
from ingest_sources.feeds.feed_source import FeedSource
from ingest_sources.http_apis.http_connector import HttpConnector
from ingest_sources.http_apis.http_source import HttpSource
from ingest_sources.kafka_topics.kafka_feed import KafkaFeed
from ingest_sources.kafka_topics.kafka_source import KafkaSource
from ingest_sources.pushed.push_feed import PushFeed
from ingest_sources.pushed.push_source import PushSource
from ingest_sources.rabbitmq.rabbitmq_feed import rabbitmq_connector
from ingest_sources.rabbitmq.rabbitmq_source import RabbitmqSource
from ingest_sources.secret_files import Secrets


@dataclass(frozen=True)
class Surroundings:
    """What connectors are made with, besides their source's file.

    Attributes:
        brokers: of Headrace's own Kafka.
    """

    brokers: str
    secrets: Secrets


def connector_of(source: FeedSource, around: Surroundings) -> Callable[[], Feed]:
    """What makes a new connection to a source; nothing is connected yet.

    Raises:
        ConfigurationError: a secret is missing.
    """
    match source:
        case HttpSource():
            return HttpConnector(source.http, around.secrets)
        case KafkaSource():
            return _kafka(source, around)
        case PushSource():
            return lambda: PushFeed(source, around.brokers)
        case DatabaseSource():
            return _database(source, around)
        case RabbitmqSource():
            return rabbitmq_connector(source.rabbitmq, around.secrets.get(source.rabbitmq.password_secret))
        case ChangesSource():
            secret = source.changes.password_secret
            return changes_connector(source, around.secrets.get(secret) if secret else None)
        case _:
            raise TypeError(f"no connector is known for {type(source).__name__}")


def _kafka(source: KafkaSource, around: Surroundings) -> Callable[[], Feed]:
    settings = around.secrets.placed(source.kafka.settings)
    group = source.kafka.group or f"headrace.{source.name}"
    return lambda: KafkaFeed(source.kafka, group, settings)


def _database(source: DatabaseSource, around: Surroundings) -> Callable[[], Feed]:
    options = source.database
    password = around.secrets.get(options.password_secret) if options.password_secret else None
    engine = engine_of(options.address, source.name, password)
    return lambda: DatabaseFeed(engine, options, source.incremental)
