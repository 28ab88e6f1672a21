"""Settings of process_interactions."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from headrace.streams.settings import ProcessorSettings
from process_interactions.learning.limits import LearningLimits
from process_interactions.subjects.rates import Limits
from process_interactions.subjects.settings import SubjectSettings

EXPERIMENTS_FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "experiments"


class Settings(ProcessorSettings):
    """Environment variables that start with `PROCESS_INTERACTIONS_`."""

    model_config = SettingsConfigDict(env_prefix="PROCESS_INTERACTIONS_")

    http_port: int = Field(
        9107, ge=0, le=65535, description="Port of /healthz, /readyz and /metrics; 0 takes a free one"
    )
    group: str = Field("process_interactions", description="Consumer group; its members share the partitions")
    version: str = Field(
        "",
        pattern="^([a-z0-9][a-z0-9_-]{0,39})?$",
        description="Name of the replay that was switched to and on whose state the workers run",
    )
    experiments: Path = Field(EXPERIMENTS_FOLDER, description="Folder of experiment files, whose sums are kept")
    window_s: float = Field(
        1_800.0, gt=0, le=86_400, description="Seconds after an answer in which what its subject does counts for it"
    )
    forget_after_s: float = Field(
        7_776_000.0, gt=0, description="Seconds of append time without a record after which a subject is forgotten"
    )
    most_per_minute: float = Field(
        240.0, gt=0, description="Interactions in a minute, impressions left out, over which a subject is no person"
    )
    most_per_day: float = Field(10_000.0, gt=0, description="The same of all interactions in a day of their own times")
    most_appended_per_day: float = Field(
        50_000.0, gt=0, description="The same by when they came, whatever their times; an import has many at once"
    )
    publish_every_s: float = Field(
        1.0, ge=0.1, le=3_600, description="Least seconds between two versions of a site's online model"
    )
    publish_rows: int = Field(
        2_000, ge=1, le=100_000, description="Most items in one version of the online model; others come with the next"
    )
    snapshot_entries: int = Field(
        20_000,
        ge=1,
        le=10_000_000,
        description="Lessons and exposures between two snapshots of the online model; a restart learns so many again",
    )
    snapshot_every_s: float = Field(
        600.0, gt=0, description="Seconds of append time after which a snapshot is taken where fewer came"
    )
    republish: str = Field(
        "", description="A new name has the whole online model published once more, such as after its topic was lost"
    )

    def of_subjects(self) -> SubjectSettings:
        """Those of the stage of subjects."""
        limits = Limits(self.most_per_minute, self.most_per_day, self.most_appended_per_day)
        return SubjectSettings(round(self.window_s * 1e6), round(self.forget_after_s * 1e6), limits)

    def of_learning(self) -> LearningLimits:
        """Those of the stage that learns the online model."""
        return LearningLimits(
            round(self.publish_every_s * 1e6),
            self.publish_rows,
            self.snapshot_entries,
            snapshot_every_us=round(self.snapshot_every_s * 1e6),
        )

    def publication_name(self) -> str:
        """Under which the whole online model is published once; another one after a switch to a replay."""
        return "/".join(name for name in (self.version, self.republish) if name)
