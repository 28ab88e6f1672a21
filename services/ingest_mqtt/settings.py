"""The bridge's settings: environment variables that start with `INGEST_MQTT_`."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from headrace.settings import CommaSeparated, Secret, ServiceSettings

ROUTES_FILE = Path(__file__).resolve().parents[2] / "deploy" / "routes.yaml"


class Settings(ServiceSettings):
    """Where the broker, Kafka and the routes are, and how much may be under way."""

    model_config = SettingsConfigDict(env_prefix="INGEST_MQTT_")

    http_port: int = Field(
        9101, ge=0, le=65535, description="Port of /healthz, /readyz and /metrics; 0 takes a free one"
    )
    routes: Path | None = Field(None, description="Routes file; empty takes the project's `deploy/routes.yaml`")
    mqtt_host: str = Field("127.0.0.1", description="MQTT broker")
    mqtt_port: int = Field(1883, ge=1, le=65535, description="Port of the MQTT broker, usually 8883 with TLS")
    mqtt_version: Literal["5", "3.1.1"] = Field(
        "5", description="Protocol; 3.1.1 has no receipts and no user properties"
    )
    client_id: str = Field(
        "headrace-ingest-mqtt",
        min_length=1,
        description="Names the session that the broker keeps; the instance's number follows it where there are several",
    )
    username: str | None = Field(None, description="User name at the broker")
    password: Secret | None = Field(None, description="Password at the broker")
    tls: bool = Field(False, description="Connect with TLS")
    tls_ca: Path | None = Field(None, description="CA certificates (PEM); empty takes the system's")
    tls_certificate: Path | None = Field(None, description="Client certificate (PEM)")
    tls_key: Path | None = Field(None, description="Key of the client certificate (PEM)")
    tls_check_hostname: bool = Field(True, description="Refuse a certificate that does not name the broker's host")
    keepalive_s: int = Field(30, ge=5, le=3600, description="Seconds between pings where nothing else is sent")
    session_expiry_s: int = Field(
        604_800,
        ge=1,
        le=4_294_967_295,
        description="Seconds for which the broker keeps the session of an absent bridge",
    )
    receive_maximum: int = Field(
        5_000, ge=1, le=65_535, description="Unacknowledged QoS 1 messages that the broker may send (Receive Maximum)"
    )
    window_bytes: int = Field(
        67_108_864, ge=2_097_152, description="Bytes that may wait for Kafka before the bridge stops reading"
    )
    qos0_limit: int = Field(
        5_000, ge=0, description="QoS 0 messages that may wait for Kafka; more are dropped and counted"
    )
    receipts_limit: int = Field(20_000, ge=1, le=60_000, description="Receipts that may wait for the broker")
    shared_group: str | None = Field(
        None,
        pattern="^[^/+#]+$",
        description="Subscribe as `$share/GROUP/…`: the broker spreads messages over instances",
    )
    instances: int = Field(1, ge=1, le=1_024, description="Bridges that share the devices among them")
    instance: int = Field(
        0, ge=0, description="Number of this bridge, from 0; without a shared group it takes its devices"
    )
    delivery_timeout_s: float = Field(
        0, ge=0, description="Seconds after which a record that Kafka did not confirm has failed; 0 waits for ever"
    )
    stalled_after_s: float = Field(
        15, gt=0, description="Seconds of the oldest unacknowledged message after which the bridge is not ready"
    )
    drain_s: float = Field(10, ge=0, description="Seconds for which a stop waits for Kafka and the last acks")
    drops_topic: str = Field(
        "$SYS/broker/publish/messages/dropped",
        description="Where the broker says how many messages it dropped; empty does not watch it",
    )

    subject_keys: Path | None = Field(
        None,
        description="File of `headrace subjects keys`, the same for all edges; routes under `personal` need it, and "
        "Cassandra with it",
    )
    cassandra_hosts: CommaSeparated = Field(
        ("127.0.0.1",), description="Cassandra contact points, comma-separated: where subjects are"
    )
    cassandra_port: int = Field(9042, ge=1, le=65535, description="Cassandra's CQL port")
    local_dc: str = Field("datacenter1", description="Cassandra data centre whose nodes are asked")
    keyspace: str = Field("headrace", pattern="^[a-z][a-z0-9_]{0,47}$", description="Keyspace of the subjects")
    cassandra_username: str | None = Field(None, description="Cassandra user; none where it asks for no credentials")
    cassandra_password: Secret | None = Field(None, description="Cassandra password")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.instance >= self.instances:
            raise ValueError(f"instance {self.instance} of {self.instances}: instances are numbered from 0")
        if (self.tls_ca or self.tls_certificate or self.tls_key) and not self.tls:
            raise ValueError("tls_ca, tls_certificate or tls_key without tls: set INGEST_MQTT_TLS=true")
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key belong together")
        if (self.cassandra_username is None) != (self.cassandra_password is None):
            raise ValueError("cassandra_username and cassandra_password belong together")
        return self

    @property
    def session_name(self) -> str:
        """The client id of this instance."""
        return f"{self.client_id}-{self.instance}" if self.instances > 1 else self.client_id

    @property
    def personal_session(self) -> str:
        """The client id of this instance's session of people."""
        return f"{self.session_name}-personal"

    @property
    def filters(self) -> str:
        """What precedes each filter that is subscribed to."""
        return f"$share/{self.shared_group}/" if self.shared_group else ""
