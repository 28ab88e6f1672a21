"""The committed dashboards are what the builder makes, and fit what Grafana is provisioned with."""

import re

import pytest
import yaml

from deploy.local.paths import PROJECT
from grafana.builder.files import FOLDER, dashboard_files
from tests.dashboard_files import DASHBOARDS, PromQuery, prom_queries, variables_used

PROVISIONING = PROJECT / "grafana" / "provisioning"
COMPOSE = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
_IDENTIFYING = re.compile(r"\b(device|user|subject|client_id)\b")


@pytest.mark.parametrize("name", dashboard_files())
def test_committed_dashboard_is_fresh(name: str) -> None:
    assert (FOLDER / name).read_text() == dashboard_files()[name], "run `make dashboards`"


def test_no_other_dashboard_is_committed() -> None:
    assert {path.name for path in FOLDER.iterdir()} == dashboard_files().keys()


def test_they_are_told_apart() -> None:
    titles = {"Pipeline", "Sources", "Models", "Recommendations", "Devices", "Anomalies"}
    assert {dashboard["title"] for dashboard in DASHBOARDS.values()} == titles
    assert len({dashboard["uid"] for dashboard in DASHBOARDS.values()}) == len(DASHBOARDS)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_data_sources_are_provisioned(name: str) -> None:
    text = (PROVISIONING / "datasources" / "headrace.yml").read_text()
    known = {source["uid"]: source["type"] for source in yaml.safe_load(text)["datasources"]}
    panels = [panel for panel in DASHBOARDS[name]["panels"] if panel["type"] != "row"]
    asked = [panel["datasource"] for panel in panels]
    asked += [target["datasource"] for panel in panels for target in panel["targets"]]
    asked += [each["datasource"] for each in DASHBOARDS[name]["templating"].get("list", ()) if each["type"] == "query"]
    assert asked and all(known[source["uid"]] == source["type"] for source in asked)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_variable_that_is_used_can_be_chosen(name: str) -> None:
    offered = {variable["name"] for variable in DASHBOARDS[name]["templating"].get("list", ())}
    assert variables_used(DASHBOARDS[name]) == offered


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_do_not_overlap_and_lie_on_the_grid(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARDS[name]["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("query", prom_queries(), ids=str)
def test_prometheus_is_never_asked_for_a_device(query: PromQuery) -> None:
    assert not _IDENTIFYING.search(query.expr)
    assert not query.labels & {"device", "user"}


def test_grafana_finds_what_it_is_provisioned_with() -> None:
    grafana = COMPOSE["services"]["grafana"]
    mounted = {target: PROJECT / source for source, target, _ in (each.split(":") for each in grafana["volumes"][:2])}
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards" / "headrace.yml").read_text())["providers"]
    assert mounted[provider["options"]["path"]].samefile(FOLDER)
    assert mounted["/etc/grafana/provisioning"].samefile(PROVISIONING)
    needed = set(re.findall(r"\$\{(\w+)\}", (PROVISIONING / "datasources" / "headrace.yml").read_text()))
    assert needed <= grafana["environment"].keys()
