"""A source's file is checked before anything runs, and a mistake is told with its line and the way out."""

import string
from pathlib import Path

import pytest

from headrace.errors import ConfigurationError
from ingest_sources.files.file_source import FileSource
from ingest_sources.into import IntoOwnTopic, IntoReadings
from ingest_sources.source import load_source, load_sources

GOOD = """kind: files
folder: inbox
pattern: "*.csv"
rules:
  - trim: all
  - range: {column: temperature, min: -50, max: 60}
into:
  topic: readings.raw
  device: "{station}"
"""


def written(folder: Path, text: str, name: str = "air.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def problem(folder: Path, text: str) -> str:
    with pytest.raises(ConfigurationError) as raised:
        load_source(written(folder, text))
    return str(raised.value)


def test_good_file_gives_a_source_of_its_name(tmp_path: Path) -> None:
    source = load_source(written(tmp_path, GOOD))
    assert isinstance(source, FileSource)
    assert (source.name, source.pattern, len(source.rules)) == ("air", "*.csv", 2)
    assert isinstance(source.into, IntoReadings)
    assert source.into.device == "{station}"


def test_mistake_shows_no_password(tmp_path: Path) -> None:
    text = "kind: database\ndatabase: {url: 'postgresql://reader:hunter2@db/shop', table: t}\n"
    found = problem(tmp_path, text + "into: {topic: sources.air, key: '{id}'}\n")
    assert "holds a password" in found
    assert "hunter2" not in found


def test_own_topic_needs_a_key(tmp_path: Path) -> None:
    text = GOOD.replace("readings.raw", "sources.air").replace("device", "key")
    assert isinstance(load_source(written(tmp_path, text)).into, IntoOwnTopic)


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("kind: files", "kind: tape", 1, "kind: Input tag 'tape' found using 'kind'"),
        ("kind: files", "type: files", 1, "kind: Unable to extract tag using discriminator 'kind'"),
        ("folder: inbox", "foldr: inbox", 2, "foldr: Extra inputs are not permitted"),
        ("folder: inbox", "foldr: inbox", 1, "folder: Field required"),
        ('"*.csv"', '"in/*.csv"', 3, "has no `/`"),
        ("max: 60", "max: -60", 6, "rules.number 2"),
        ("trim: all", "trimm: all", 5, "trimm"),
        ("readings.raw", "readings.clean", 8, "is readings.raw, interactions.raw, items.catalog, or sources.NAME"),
        ("readings.raw", "sources.ledger", 8, "Headrace's own"),
        ("readings.raw", "sources.reports", 8, "Headrace's own"),
        ('"{station}"', '"{station"', 9, "brace without its other one"),
        ('device: "{station}"', "site: a", 7, "into.device: Field required"),
        ("folder: inbox", "folder: inbox\nkind: files", 3, "'kind' is there twice"),
        ("folder: inbox", "folder: [inbox", 3, "not YAML as it is expected"),
    ],
)
def test_mistake_is_told_with_its_line(tmp_path: Path, old: str, new: str, line: int, says: str) -> None:
    found = problem(tmp_path, GOOD.replace(old, new))
    assert says in found
    assert f"air.yaml:{line}:" in found, found


def test_name_that_can_not_be_a_topic_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="name"):
        load_source(written(tmp_path, GOOD, "Air Quality.yaml"))


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    written(tmp_path, "kind: tape\n", "b.yaml")
    written(tmp_path, "- a list\n", "c.yaml")
    with pytest.raises(ConfigurationError) as raised:
        load_sources(tmp_path)
    assert "b.yaml:1" in str(raised.value) and "c.yaml" in str(raised.value)


def test_two_sources_of_one_folder_are_refused(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    written(tmp_path, GOOD, "b.yaml")
    with pytest.raises(ConfigurationError, match=r"b\.yaml: folder inbox is that of air"):
        load_sources(tmp_path)


def test_folder_that_is_missing_is_told_with_its_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="INGEST_SOURCES_SOURCES"):
        load_sources(tmp_path / "none")


def test_sources_of_the_project_are_right() -> None:
    folder = Path(__file__).parents[3] / "deploy" / "sources"
    assert set(load_sources(folder)) == {path.stem for path in folder.glob("*.yaml")}


READMES = sorted((Path(__file__).parents[3] / "services" / "ingest_sources").glob("**/README.md"))


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.parent.name)
def test_example_of_a_readme_is_right(readme: Path, tmp_path: Path) -> None:
    _, _, rest = readme.read_text().partition("```yaml\n")
    load_source(written(tmp_path, rest.partition("```")[0], "example.yaml"))


def test_demo_has_a_right_source_of_each_kind(tmp_path: Path) -> None:
    templates = Path(__file__).parents[3] / "deploy" / "local" / "demo_source_files"
    values = {"HOST": "127.0.0.1", "POSTGRES": "1", "RABBITMQ": "2", "KAFKA": "3", "API": "4"}
    for template in templates.glob("*.yaml"):
        written(tmp_path, string.Template(template.read_text()).substitute(values), template.name)
    kinds = {name: source.kind for name, source in load_sources(tmp_path).items()}
    assert kinds == {"table": "database", "api": "http", "queue": "rabbitmq", "topic": "kafka"}
