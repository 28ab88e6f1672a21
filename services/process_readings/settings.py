"""Settings of process_readings."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from headrace.streams.settings import ProcessorSettings

DEVICE_TYPES_FILE = Path(__file__).resolve().parents[2] / "deploy" / "device_types.yaml"


class Settings(ProcessorSettings):
    """Environment variables that start with `PROCESS_READINGS_`."""

    model_config = SettingsConfigDict(env_prefix="PROCESS_READINGS_")

    http_port: int = Field(
        9102, ge=0, le=65535, description="Port of /healthz, /readyz and /metrics; 0 takes a free one"
    )
    group: str = Field("process_readings", description="Consumer group; its members share the partitions")
    version: str = Field(
        "",
        pattern="^([a-z0-9][a-z0-9_-]{0,39})?$",
        description="Name of the replay that was switched to and on whose state the service runs",
    )
    device_types: Path = Field(
        DEVICE_TYPES_FILE, description="File of device types: units, ranges, lateness, detectors"
    )
    future_tolerance_s: float = Field(
        60.0, ge=0, description="Seconds by which a device's clock may be ahead before its time is clamped"
    )
    idle_after_s: float = Field(5.0, gt=0, description="Seconds without a reading after which open windows are emitted")
    forget_after_s: float = Field(
        604_800.0, gt=0, description="Seconds of append time without a record after which a device's state is dropped"
    )
