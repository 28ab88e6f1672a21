"""Starts the API with settings that make a test short."""

from pathlib import Path

from deploy.local.stack import Stack
from headrace.subjects.keys import ensure_keys

MAX_OPEN = 4
BODY_TIMEOUT_S = 2.0
_ENVIRONMENT = {
    "SERVE_API_LIVE_HEARTBEAT": "0.5",
    "SERVE_API_QUERY_TIMEOUT": "2",
    "SERVE_API_DELIVERY_TIMEOUT": "3",
    "SERVE_API_PUSH_MAX_OPEN": str(MAX_OPEN),
    "SERVE_API_PUSH_BODY_TIMEOUT": str(BODY_TIMEOUT_S),
    "SERVE_API_RECOMMEND_LIVE_MODEL_INTERVAL": "0.5",
    # A light-weight transaction of a Cassandra that shares two cores with other tests may take long.
    "SERVE_API_RECOMMEND_SUBJECT_TIMEOUT": "5",
}
EXPERIMENT = "more_variety"
_EXPERIMENT_FILE = """
state: running
start: 2020-01-01T00:00:00Z
target: {surfaces: [tried]}
arms:
  usual: {share: 0.5}
  varied: {share: 0.5, policy: {diversity: {most_per_category: 1}}}
metrics:
  bought: {measure: happened, kinds: [purchase]}
primary: bought
"""


def push_keys(stack: Stack) -> Path:
    """The folder of the keys of sources."""
    folder = stack.layout.data("serve_api") / "push_keys"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def models_folder(stack: Stack) -> Path:
    """Where the tests' models are, and the keys that sign them."""
    return stack.layout.data("serve_api") / "models"


def model_keys(stack: Stack) -> Path:
    """The public keys of those whose models may run."""
    return models_folder(stack) / "keys" / "public.pem"


def subject_keys(stack: Stack) -> Path:
    """The file of keys for subjects, made where it isn't there."""
    path = stack.layout.data("serve_api") / "subjects" / "keys.json"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    ensure_keys(path)
    return path


def experiments(stack: Stack) -> Path:
    """A folder with one experiment, on the surface `tried`."""
    folder = stack.layout.data("serve_api") / "experiments"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{EXPERIMENT}.yaml").write_text(_EXPERIMENT_FILE)
    return folder


def start_api(stack: Stack) -> None:
    """Begins to start it; its set-up tasks need Cassandra and Kafka the first time."""
    stack.start("serve_api", environment(stack))


def environment(stack: Stack) -> dict[str, str]:
    """Its settings."""
    folders = {"SERVE_API_PUSH_KEYS": str(push_keys(stack)), "SERVE_API_MODEL_KEYS": str(model_keys(stack))}
    people = {"SERVE_API_SUBJECT_KEYS": str(subject_keys(stack)), "SERVE_API_EXPERIMENTS": str(experiments(stack))}
    return {**_ENVIRONMENT, **folders, **people}
