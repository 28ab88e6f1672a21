"""The settings of serve_api: environment variables `SERVE_API_*`."""

from ipaddress import ip_address
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from headrace.cassandra import CassandraSettings

DEVICE_TYPES_FILE = Path(__file__).resolve().parents[2] / "deploy" / "device_types.yaml"


class Settings(CassandraSettings):
    """Checked at start; see the table in the README."""

    model_config = SettingsConfigDict(env_prefix="SERVE_API_")

    http_host: str = Field("127.0.0.1", description="Address on which the API listens")
    http_port: int = Field(8000, ge=0, le=65535, description="Port of the API, /healthz, /readyz and /metrics")
    allow_public_bind: bool = Field(
        False,
        description="Allows an http_host that is not loopback although the API asks for no credentials yet: for a "
        "container whose port is published to loopback or behind an authenticating proxy",
    )
    query_timeout: float = Field(3.0, gt=0, le=60, description="Seconds that one Cassandra read may take")
    delivery_timeout: float = Field(5.0, ge=1, le=60, description="Seconds for Kafka's confirmation of what is written")
    site: str = Field("default", pattern="^[^/]+$", description="Site of every request, until there are credentials")
    device_types_file: Path | None = Field(
        None, description="Device types that a PUT may name; the project's deploy/device_types.yaml unless set"
    )
    live_max_clients: int = Field(100, ge=1, le=10_000, description="Live streams open at once; more get 503")
    live_queue: int = Field(1_000, ge=1, le=100_000, description="Events that wait for one client; more are dropped")
    live_heartbeat: float = Field(15.0, gt=0, le=300, description="Seconds of silence until a heartbeat comment")
    push_keys: Path | None = Field(
        None,
        description="Folder with the keys of sources that are pushed to: a file each, named as the source, with a "
        "`whsec_` key a line, readable by its owner alone",
    )
    push_tolerance: float = Field(
        300.0, gt=0, le=3_600, description="Seconds that a push's timestamp may be off; an older one is refused"
    )
    push_max_open: int = Field(64, ge=1, le=1_000, description="Pushes whose bodies are held at once; more get 503")
    push_body_timeout: float = Field(10.0, gt=0, le=300, description="Seconds in which a push's body must have come")
    model_keys: Path | None = Field(
        None,
        description="PEM file with the public keys of those whose models may run; none is loaded without it. "
        "It is read at each load",
    )
    model_scratch: Path | None = Field(
        None, description="Folder for models that are fetched from an object store; a temporary one unless set"
    )
    predict_max_open: int = Field(
        512, ge=1, le=100_000, description="Requests for predictions that are answered at once; more get 503"
    )
    predict_max_bytes: int = Field(
        2_097_152, ge=1_024, le=67_108_864, description="Bytes of the body of a prediction or of outcomes at most"
    )
    predict_body_timeout: float = Field(
        10.0, gt=0, le=300, description="Seconds in which the body of a prediction or of outcomes must have come"
    )
    shutdown_timeout: int = Field(10, ge=1, le=300, description="Seconds for open requests to end on SIGTERM")

    @model_validator(mode="after")
    def _refuse_public_bind(self) -> Self:
        if not _is_loopback(self.http_host) and not self.allow_public_bind:
            raise ValueError(
                f"http_host {self.http_host} is not loopback and the API asks for no credentials yet: bind 127.0.0.1, "
                "or set SERVE_API_ALLOW_PUBLIC_BIND=true where something in front of it keeps strangers out"
            )
        return self


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
