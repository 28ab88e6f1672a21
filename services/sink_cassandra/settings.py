"""Settings of the sink, from the environment."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from headrace.cassandra import CassandraSettings
from headrace.settings import CommaSeparated


class Settings(CassandraSettings):
    """Variables start with `SINK_CASSANDRA_`."""

    model_config = SettingsConfigDict(env_prefix="SINK_CASSANDRA_")

    group: str = Field("sink_cassandra", description="Kafka consumer group")
    replication: CommaSeparated = Field(
        ("datacenter1:1",), description="Copies per data centre when the keyspace is made, such as `dc1:3,dc2:3`"
    )
    write_timeout_s: float = Field(5.0, gt=0, le=60, description="Seconds after which a write counts as unknown")
    in_flight: int = Field(32, ge=1, le=1_024, description="Most batches on their way to Cassandra at once")
    batch_bytes: int = Field(
        131_072, ge=1_024, le=8_388_608, description="Most bytes of a batch; it holds one row at least"
    )
    flush_records: int = Field(10_000, ge=1, le=100_000, description="Most records of a flush")
    flush_linger_s: float = Field(0.2, gt=0, le=10, description="Longest a flush waits for more records, in seconds")
    readings_ttl_days: int = Field(30, ge=1, le=7_300, description="Days that readings are kept")
    windows_ttl_days: int = Field(365, ge=1, le=7_300, description="Days that windows are kept")
    anomalies_ttl_days: int = Field(365, ge=1, le=7_300, description="Days that anomalies are kept")
    subjects_ttl_days: int = Field(
        400, ge=1, le=720, description="Days that interactions and recommendations of persons are kept"
    )
    sources_ttl_days: int = Field(
        0, ge=0, le=7_300, description="Days that a row of a source is kept after its last change; 0 is for ever"
    )

    @property
    def sources_group(self) -> str:
        """The consumer group of the sources' own topics."""
        return f"{self.group}.sources"
