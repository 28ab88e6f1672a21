"""docker-compose.yml is a valid compose file and describes the same system as the native stack, topic by topic."""

import json
import os
import re
import shutil
import string
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from jsonschema import Draft7Validator

from deploy.docs import SERVICES, settings_of
from deploy.local.paths import DEPLOY, LOCAL, PROJECT, SEARCH_PATH
from headrace.settings import variables
from headrace.topics import load_topics

COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
JOBS = ("topics", "tables")
OWN = (*SERVICES, *JOBS)
DOCKERFILE = PROJECT / "deploy" / "docker" / "service.Dockerfile"
# What differs because a container has its own network and file system.
_KAFKA_OF_THE_PLACE = {
    "controller.quorum.voters",
    "listeners",
    "advertised.listeners",
    "listener.security.protocol.map",
    "log.dirs",
}


def _environment(name: str) -> dict[str, str]:
    found: dict[str, str] = CONTAINERS[name].get("environment", {})
    return found


def _settings_class(name: str) -> Any:
    return settings_of("sink_cassandra" if name == "tables" else name)


def _binds(name: str) -> dict[str, str]:
    """Host path → path in the container."""
    volumes = [volume.split(":") for volume in CONTAINERS[name].get("volumes", ())]
    return {volume[0]: volume[1] for volume in volumes if volume[0].startswith(".")}


def test_it_follows_the_compose_specification(shared_data: Path) -> None:
    schema = json.loads((shared_data / "specs" / "compose-spec.json").read_text())
    problems = list(Draft7Validator(schema).iter_errors(COMPOSE))
    assert problems == []


def test_every_writer_and_reader_of_a_topic_is_there() -> None:
    # `headrace` is the command line, which people run.
    named = {name for topic in load_topics().values() for name in (*topic.writers, *topic.readers)} - {"headrace"}
    assert named <= CONTAINERS.keys()
    assert set(SERVICES) <= CONTAINERS.keys()


def test_topics_and_tables_are_made_before_a_service_starts() -> None:
    assert CONTAINERS["topics"]["command"][:3] == ["python", "-m", "headrace.topics"]
    assert CONTAINERS["tables"]["command"] == ["python", "-m", "sink_cassandra", "migrate"]
    done = {"condition": "service_completed_successfully"}
    for service in SERVICES:
        assert CONTAINERS[service]["depends_on"]["topics"] == done, service
    for service in ("sink_cassandra", "serve_api"):
        assert CONTAINERS[service]["depends_on"]["tables"] == done, service


@pytest.mark.parametrize("name", [*SERVICES, "tables"])
def test_settings_are_known_to_the_service_and_valid(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, environment = _settings_class(name), _environment(name)
    assert set(environment) <= set(variables(settings))
    for variable in [variable for variable in os.environ if variable in variables(settings)]:
        monkeypatch.delenv(variable)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    settings.load()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_reached_from_other_containers_and_probed_where_it_listens(service: str) -> None:
    environment = _environment(service)
    port = environment[f"{service.upper()}_HTTP_PORT"]
    assert environment[f"{service.upper()}_HTTP_HOST"] == "0.0.0.0"  # noqa: S104 - in a container of its own
    assert f"http://127.0.0.1:{port}/readyz" in CONTAINERS[service]["healthcheck"]["test"][-1]
    assert f"{service.upper()}={service}:{port}" in CONTAINERS["prometheus"]["entrypoint"]


@pytest.mark.parametrize("service", SERVICES)
def test_addresses_in_the_settings_are_containers(service: str) -> None:
    hosts = [
        value.split(":")[0]
        for variable, value in _environment(service).items()
        if variable.endswith(("_BROKERS", "_MQTT_HOST", "_CASSANDRA_HOSTS"))
    ]
    assert hosts and set(hosts) <= CONTAINERS.keys()


@pytest.mark.parametrize("name", CONTAINERS)
def test_memory_is_limited(name: str) -> None:
    assert re.fullmatch(r"\d+[mg]", CONTAINERS[name]["mem_limit"])


@pytest.mark.parametrize("name", sorted(CONTAINERS.keys() - set(JOBS)))
def test_health_is_checked(name: str) -> None:
    assert CONTAINERS[name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", CONTAINERS)
def test_ports_are_published_to_loopback_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in CONTAINERS[name].get("ports", ()))


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_dependency_is_awaited_by_what_it_shows(name: str) -> None:
    for needed, how in CONTAINERS[name].get("depends_on", {}).items():
        shows = "service_completed_successfully" if needed in JOBS else "service_healthy"
        assert how["condition"] == shows, needed


def test_versions_are_those_of_the_native_stack() -> None:
    pom = ElementTree.parse(LOCAL / "pom.xml").getroot()  # noqa: S314 - our own file
    space = {"m": "http://maven.apache.org/POM/4.0.0"}
    for name, image in (("kafka", "apache/kafka"), ("cassandra", "cassandra")):
        version = pom.findtext(f"m:properties/m:{name}.version", namespaces=space)
        assert CONTAINERS[name]["image"] == f"{image}:{version}"


@pytest.mark.parametrize("name", sorted(CONTAINERS.keys() - set(OWN)))
def test_images_are_pinned(name: str) -> None:
    assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+\.\d+", CONTAINERS[name]["image"])


def test_kafka_has_the_native_settings() -> None:
    text = (DEPLOY / "kafka" / "server.properties").read_text()
    native = dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))
    environment = _environment("kafka")
    assert native.keys() - _KAFKA_OF_THE_PLACE
    for key in native.keys() - _KAFKA_OF_THE_PLACE:
        assert environment[f"KAFKA_{key.upper().replace('.', '_')}"] == native[key], key


@pytest.mark.parametrize("name", CONTAINERS)
def test_files_that_are_named_exist(name: str) -> None:
    container = CONTAINERS[name]
    assert all((PROJECT / bound).exists() for bound in _binds(name))
    if name in OWN:
        assert PROJECT / container["build"]["dockerfile"] == DOCKERFILE
        assert container["image"] == f"headrace/{container['build']['args']['SERVICE']}"
        assert container["build"]["args"]["SERVICE"] in SERVICES


def _rendered(name: str, folder: Path) -> tuple[str, Path, dict[str, str]]:
    """What a container's entrypoint makes of its template, the template, and the values it is given."""
    renderer, template, _, *rest = CONTAINERS[name]["entrypoint"]
    inside = {target: PROJECT / source for source, target in _binds(name).items()}
    values = rest[: rest.index("--")]
    target = folder / Path(template).name
    command = ["sh", str(inside[renderer]), str(inside[template]), str(target), *values, "--", "true"]
    subprocess.run(command, check=True, capture_output=True)
    return target.read_text(), inside[template], dict(value.split("=", 1) for value in values)


RENDERED = [name for name in CONTAINERS if "/render.sh" in CONTAINERS[name].get("entrypoint", ())]


@pytest.mark.parametrize("name", RENDERED)
def test_a_container_renders_a_template_as_the_native_stack_does(name: str, tmp_path: Path) -> None:
    text, template, values = _rendered(name, tmp_path)
    assert text == string.Template(template.read_text()).substitute(values)


def test_a_template_with_a_name_that_has_no_value_ends_the_container(tmp_path: Path) -> None:
    template = tmp_path / "template"
    template.write_text("listener ${PORT} ${HOST}\n")
    command = ["sh", str(DEPLOY / "docker" / "render.sh"), str(template), str(tmp_path / "out"), "PORT=1", "--", "true"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 1 and "${HOST}" in done.stderr


def test_prometheus_takes_its_configuration(tmp_path: Path) -> None:
    text, _, values = _rendered("prometheus", tmp_path)
    config = tmp_path / "prometheus.yml"
    # promtool looks for the rule files.
    config.write_text(text.replace(values["RULES"], str(DEPLOY / "prometheus" / "rules")))
    environment = {**os.environ, "PATH": SEARCH_PATH}
    done = subprocess.run(
        ["promtool", "check", "config", str(config)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert _binds("prometheus")["./deploy/prometheus/rules"] == values["RULES"]


def test_cassandra_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    config = yaml.safe_load(_rendered("cassandra", tmp_path)[0])
    assert config["commitlog_sync"] == "batch"
    assert config["listen_address"] == config["rpc_address"] == "cassandra"
    assert CONTAINERS["cassandra"]["entrypoint"][2] in _environment("cassandra")["JVM_EXTRA_OPTS"]
    data = "/var/lib/cassandra"
    assert f"cassandra:{data}" in CONTAINERS["cassandra"]["volumes"]
    assert all(folder.startswith(data) for folder in (*config["data_file_directories"], config["commitlog_directory"]))


def test_data_survive_a_new_container() -> None:
    used = {volume.split(":")[0] for container in CONTAINERS.values() for volume in container.get("volumes", ())}
    assert {name for name in used if not name.startswith(".")} == COMPOSE["volumes"].keys()


def _mounts(name: str) -> dict[str, tuple[str, bool]]:
    """Volume → where a container has it, and whether it may write there."""
    volumes = [volume.split(":") for volume in CONTAINERS[name].get("volumes", ()) if not volume.startswith(".")]
    return {volume: (target, "ro" not in mode) for volume, target, *mode in volumes}


def _volume_of(name: str, path: Path) -> str:
    """The volume in which a container has a path."""
    (found,) = [volume for volume, (target, _) in _mounts(name).items() if path.is_relative_to(target)]
    return found


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> Any:
    for variable, value in _environment("train_models").items():
        monkeypatch.setenv(variable, value)
    return _settings_class("train_models").load()


def _who_mounts(volume: str) -> set[str]:
    return {name for name in CONTAINERS if volume in _mounts(name)}


def test_only_who_trains_has_the_key_that_signs_and_the_rows(trainer: Any) -> None:
    assert trainer.signing_key is None, "so that the first training makes a pair"
    for path in (trainer.signing_key_file, trainer.runs, trainer.data):
        assert _who_mounts(_volume_of("train_models", path)) == {"train_models"}, path


@pytest.mark.parametrize("server", ["serve_api", "process_predictions"])
def test_who_serves_reads_artifacts_and_the_public_key_where_the_trainer_writes_them(trainer: Any, server: str) -> None:
    shared = _volume_of("train_models", trainer.public_keys_file)
    assert _volume_of("train_models", Path(trainer.artifacts_uri)) == shared
    others = {"subjects": ("/var/lib/headrace/subjects", True)} if server == "serve_api" else {}
    assert _mounts(server) == {shared: (_mounts("train_models")[shared][0], False), **others}
    assert _mounts("train_models")[shared][1]
    assert _environment(server)[f"{server.upper()}_MODEL_KEYS"] == str(trainer.public_keys_file)


def test_the_registry_shows_artifacts_and_can_change_none(trainer: Any) -> None:
    command = dict(word.split("=", 1) for word in CONTAINERS["mlflow"]["command"] if "=" in word)
    assert command["--backend-store-uri"] == trainer.registry_uri
    database = _volume_of("train_models", Path(trainer.registry_uri.removeprefix("sqlite:///")))
    artifacts = _volume_of("train_models", Path(trainer.artifacts_uri))
    at = {volume: _mounts("train_models")[volume][0] for volume in (database, artifacts)}
    assert _mounts("mlflow") == {database: (at[database], True), artifacts: (at[artifacts], False)}
    # MLflow makes this folder when it starts.
    assert _volume_of("mlflow", Path(command["--default-artifact-root"])) == database


def test_the_user_of_an_image_owns_the_volumes_that_it_has() -> None:
    text = DOCKERFILE.read_text()
    for service in SERVICES:
        for target, _ in _mounts(service).values():
            assert Path(target).parent == Path("/var/lib/headrace")
            assert re.search(rf"install -d -o headrace [a-z ]*\b{Path(target).name}\b", text), target


@pytest.mark.parametrize("name", OWN)
def test_own_containers_may_do_little(name: str) -> None:
    container = CONTAINERS[name]
    assert container["read_only"] and container["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in container["security_opt"]


def _instructions() -> list[tuple[str, str]]:
    lines = [line for line in DOCKERFILE.read_text().splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


@pytest.mark.parametrize("service", SERVICES)
def test_the_image_of_a_service_copies_what_exists(service: str) -> None:
    copies = _copies(service)
    assert all((PROJECT / source).exists() for *sources, _ in copies for source in sources)
    copied = {source for *sources, _ in copies for source in sources}
    assert {f"requirements/{service}.txt", "services/headrace", f"services/{service}"} <= copied
    others = {f"services/{other}" for other in SERVICES if other != service}
    assert not copied & others


_READS_ITS_FILES = """
import importlib, pathlib, sys
from headrace.topics import load_topics
service, root = sys.argv[1:]
for name in ("__main__", "app", "settings"):
    module = importlib.import_module(f"{service}.{name}")
    assert module.__file__.startswith(root), module
assert load_topics.__code__.co_filename.startswith(root)
load_topics()
files = [value for value in vars(module).values() if isinstance(value, pathlib.Path) and value.suffix]
assert all(path.is_file() and str(path).startswith(root) for path in files), files
"""


@pytest.mark.parametrize("service", SERVICES)
def test_the_image_of_a_service_holds_what_it_reads(service: str, tmp_path: Path) -> None:
    for *sources, target in _copies(service):
        for source in sources:
            _copy(PROJECT / source, tmp_path / target, into=len(sources) > 1 or target.endswith("/"))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "services"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", _READS_ITS_FILES, service, str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _copies(service: str) -> list[list[str]]:
    return [rest.replace("${SERVICE}", service).split() for word, rest in _instructions() if word == "COPY"]


def _copy(source: Path, target: Path, into: bool) -> None:
    """As COPY does."""
    target = target / source.name if into else target
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def test_the_image_installs_hashes_only_and_runs_as_nobody_special() -> None:
    instructions = _instructions()
    (install,) = [rest for word, rest in instructions if word == "RUN" and "pip install" in rest]
    assert "--require-hashes" in install and "--no-cache-dir" in install
    assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+", dict(instructions)["FROM"])
    words = [word for word, _ in instructions]
    assert words.index("USER") > max(position for position, word in enumerate(words) if word in {"RUN", "COPY"})
