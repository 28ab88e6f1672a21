"""The settings of train_models: environment variables that start with `TRAIN_MODELS_`."""

from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from headrace.cassandra import CassandraSettings

_PROJECT = Path(__file__).resolve().parents[2]


class Settings(CassandraSettings):
    """Where model files, what is made of them and the registry are."""

    model_config = SettingsConfigDict(env_prefix="TRAIN_MODELS_")

    http_port: int = Field(
        9105, ge=0, le=65535, description="Port of /healthz, /readyz and /metrics; 0 takes a free one"
    )
    models: Path = Field(
        _PROJECT / "deploy" / "models", description="Folder with a YAML file for each model, whose name is the file's"
    )
    files: Path = Field(
        Path("/var/lib/headrace/rows"), description="Folder below which the `files` are that model files name"
    )
    look_every_s: float = Field(60.0, gt=0, description="Seconds between two looks whether a model is due for training")
    keep_trainings: int = Field(
        10,
        ge=1,
        description="So many finished runs of each model are kept, with their snapshots; those of versions always are",
    )
    data: Path = Field(
        _PROJECT / ".headrace" / "run" / "data" / "train_models",
        description="Folder of snapshots, runs and, unless set otherwise, of the registry and the artifacts",
    )
    tracking_uri: str | None = Field(
        None,
        description="MLflow's database (`sqlite:///…`, `postgresql+psycopg://…`) or its server (`http://…`); SQLite in "
        "the data folder unless set",
    )
    artifact_root: str | None = Field(
        None, description="Folder, or `s3://…`, of the artifacts of all versions; in the data folder unless set"
    )
    signing_key: Path | None = Field(
        None,
        description="File with the Ed25519 key that signs manifests, readable by its owner alone; in the data "
        "folder, and made there, unless set",
    )

    public_keys: Path | None = Field(
        None, description="File with the public keys of manifests; in the data folder, beside the first, unless set"
    )

    @field_validator("tracking_uri")
    @classmethod
    def _is_kept_in_a_database(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("sqlite:///", "postgresql", "http://", "https://")):
            raise ValueError("begin with sqlite:///, postgresql+psycopg:// or http://")
        return value

    @property
    def registry_uri(self) -> str:
        """Where MLflow keeps its runs and versions."""
        return self.tracking_uri or f"sqlite:///{self.data.resolve() / 'mlflow.db'}"

    @property
    def artifacts_uri(self) -> str:
        """Under which each version has its folder."""
        root = self.artifact_root or str(self.data / "artifacts")
        return root if "://" in root else str(Path(root).resolve())

    @property
    def signing_key_file(self) -> Path:
        """The private key of those who train."""
        return self.signing_key or self.data / "keys" / "signing.pem"

    @property
    def public_keys_file(self) -> Path:
        """The public keys of those whose models may run: what serve_api and process_predictions are given."""
        return self.public_keys or self.data / "keys" / "public.pem"

    @property
    def runs(self) -> Path:
        """A folder for each training, with its hold-out."""
        return self.data / "runs"
