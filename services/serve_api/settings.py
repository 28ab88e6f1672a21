"""The settings of serve_api: environment variables `SERVE_API_*`."""

from ipaddress import ip_address
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from headrace.cassandra import CassandraSettings
from headrace.experiments.folder import EXPERIMENTS_FOLDER

_DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
DEVICE_TYPES_FILE = _DEPLOY / "device_types.yaml"
RECOMMENDATIONS_FILE = _DEPLOY / "recommendations.yaml"


class Settings(CassandraSettings):
    """Checked at start; see the table in the README."""

    model_config = SettingsConfigDict(env_prefix="SERVE_API_")

    http_host: str = Field("127.0.0.1", description="Address on which the API listens")
    http_port: int = Field(8000, ge=0, le=65535, description="Port of the API, /healthz, /readyz and /metrics")
    allow_public_bind: bool = Field(
        False,
        description="Allows an http_host that is not loopback although no clients are set: for a "
        "container whose port is published to loopback or behind an authenticating proxy",
    )
    query_timeout: float = Field(3.0, gt=0, le=60, description="Seconds that one Cassandra read may take")
    delivery_timeout: float = Field(5.0, ge=1, le=60, description="Seconds for Kafka's confirmation of what is written")
    site: str = Field("default", pattern="^[^/]+$", description="Site of requests whose client has none of its own")
    clients: Path | None = Field(
        None,
        description="YAML file of the clients: hashes of their keys, scopes and rates; read again when it changes. "
        "Without it nobody needs a key, and the API listens on loopback only",
    )
    subject_keys: Path | None = Field(
        None,
        description="File of `headrace subjects keys`, the same for all edges. Without it nothing about persons is "
        "taken",
    )
    rotate_subject_keys: bool = Field(
        False,
        description="Replaces the master key by itself a day after an erasure: where all edges read the very file that "
        "SUBJECT_KEYS names, and not copies of it",
    )
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
    recommendations_file: Path = Field(RECOMMENDATIONS_FILE, description="What is recommended where; read at the start")
    experiments: Path = Field(EXPERIMENTS_FOLDER, description="Folder of experiments; read at the start")
    recommend_users_bytes: int = Field(
        1 << 30,
        ge=1 << 20,
        description="Bytes for what is known of persons; those that were heard of least recently leave, and are cold "
        "then",
    )
    recommend_sessions: int = Field(
        20_000, ge=100, le=1_000_000, description="Last visits in which likeness is looked for"
    )
    recommend_max_open: int = Field(
        512, ge=1, le=100_000, description="Requests for recommendations that are answered at once; more get 503"
    )
    recommend_record_timeout: float = Field(
        0.25, gt=0, le=10, description="Seconds for Kafka's confirmation of an answer; it is given without it then"
    )
    recommend_subject_timeout: float = Field(
        0.5, gt=0, le=10, description="Seconds to find out whose recommendations they are; they are for anybody then"
    )
    recommend_live_max_clients: int = Field(
        500, ge=1, le=100_000, description="Live streams of recommendations open at once; more get 503"
    )
    recommend_live_per_address: int = Field(
        25,
        ge=1,
        le=100_000,
        description="Live streams of recommendations of one address with a browser's key; more get 429",
    )
    recommend_live_model_interval: float = Field(
        5.0, ge=0.1, le=3_600, description="Seconds in which a live stream follows the model once at most"
    )
    events_max_open: int = Field(
        1_024,
        ge=16,
        le=16_384,
        description="Requests of servers with events or items that are taken at once, and a 16th as many with bodies "
        "over 64 KiB; of pages half as many besides; more get 503",
    )
    events_body_timeout: float = Field(
        10.0, gt=0, le=300, description="Seconds in which the body of events or items must have come"
    )
    events_max_age: float = Field(
        30.0,
        gt=0,
        le=3_650,
        description="Days that an event may be old; older ones are for sources to import",
    )
    shop: bool = Field(False, description="Serves the shop page at /shop, which shows recommendations as they change")
    shop_key: str = Field(
        "", description="A browser's key for the shop page, where clients are set; whoever sees the page can read it"
    )
    shutdown_timeout: int = Field(10, ge=1, le=300, description="Seconds for open requests to end on SIGTERM")

    @model_validator(mode="after")
    def _refuse_public_bind(self) -> Self:
        if not is_loopback(self.http_host) and not self.allow_public_bind and self.clients is None:
            raise ValueError(
                f"http_host {self.http_host} is not loopback and the API asks for no credentials: set "
                "SERVE_API_CLIENTS, bind 127.0.0.1, or set SERVE_API_ALLOW_PUBLIC_BIND=true where something in front "
                "of it keeps strangers out"
            )
        return self

    @model_validator(mode="after")
    def _refuse_keyless_shop(self) -> Self:
        if self.shop and self.clients is not None and not self.shop_key:
            raise ValueError(
                "the shop page needs a key where clients are set: give a client of kind browser the scopes events, "
                "recommend and users, and set SERVE_API_SHOP_KEY to its key"
            )
        return self


def is_loopback(host: str) -> bool:
    """Whether only this machine can be there."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
