"""Settings of process_predictions."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from headrace.streams.settings import ProcessorSettings

MODELS_FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "models"


class Settings(ProcessorSettings):
    """Environment variables that start with `PROCESS_PREDICTIONS_`."""

    model_config = SettingsConfigDict(env_prefix="PROCESS_PREDICTIONS_")

    http_port: int = Field(
        9106, ge=0, le=65535, description="Port of /healthz, /readyz and /metrics; 0 takes a free one"
    )
    group: str = Field("process_predictions", description="Consumer group; its members share the partitions")
    version: str = Field(
        "",
        pattern="^([a-z0-9][a-z0-9_-]{0,39})?$",
        description="Name of the replay that was switched to and on whose state the online models run",
    )
    models: Path = Field(
        MODELS_FOLDER, description="Folder of model files: the online models, and which models score which topics"
    )
    model_keys: Path | None = Field(
        None,
        description="PEM file with the public keys of those whose models may run; none is loaded without it. "
        "It is read at each load",
    )
    model_scratch: Path | None = Field(
        None, description="Folder for models that are fetched from an object store; a temporary one unless set"
    )
    site: str = Field("default", pattern="^[^/]+$", description="Site of the predictions of scored topics")
    replication: int = Field(1, ge=1, le=10, description="Replicas of the changelogs that are made for scored topics")
    forget_after_s: float = Field(
        2_592_000.0, gt=0, description="Seconds of append time without a window after which a series is forgotten"
    )
