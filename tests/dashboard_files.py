"""What the committed dashboards ask of Prometheus and of serve_api."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import yaml

from deploy.local.paths import DEPLOY, PROJECT

FOLDER = PROJECT / "grafana" / "dashboards"
DASHBOARDS: dict[str, dict[str, Any]] = {path.stem: json.loads(path.read_text()) for path in FOLDER.glob("*.json")}
_SELECTOR = re.compile(r"(?:\b(?:\w+:)?(?:headrace_|process_)[\w:]+|\bup\b)(?:\{[^}]*\})?")
_VARIABLE = re.compile(r"\$\{(\w+)(?::(\w+))?\}")


@dataclass(frozen=True)
class PromQuery:
    """A PromQL query of a panel, and the labels that its legend shows."""

    where: str
    expr: str
    labels: frozenset[str]

    def __str__(self) -> str:
        return self.where


@dataclass(frozen=True)
class ItemsQuery:
    """A URL of a panel or variable, and the columns (name → type) that it takes from the items."""

    where: str
    path: str
    columns: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return self.where

    def filled(self, values: dict[str, str]) -> str:
        """The path as Grafana asks for it."""

        def value(found: re.Match[str]) -> str:
            text = values[found[1]]
            return quote(text, safe="") if found[2] == "percentencode" else text

        return _VARIABLE.sub(value, self.path)


def prom_queries() -> list[PromQuery]:
    """Every PromQL query of every panel, and every recording rule."""
    found = [
        PromQuery(
            f"{where}, {target['refId']}", target["expr"], frozenset(re.findall(r"{{(\w+)}}", target["legendFormat"]))
        )
        for where, target in _targets("prometheus")
    ]
    return found + [
        PromQuery(name, name, frozenset(name.split(":")[0].split("_")))
        for name in (rule["record"] for rule in _rules("record"))
    ]


def alert_selectors() -> list[PromQuery]:
    """What alerts look at: silent, an alert whose metric does not exist is not told from one that has no cause."""
    found = {selector for rule in _rules("alert") for selector in _SELECTOR.findall(rule["expr"])}
    return [PromQuery(selector, selector, frozenset()) for selector in sorted(found)]


def items_queries() -> list[ItemsQuery]:
    """Every question to serve_api, those of variables included."""
    asked = list(_targets("yesoreyeram-infinity-datasource"))
    for name, dashboard in DASHBOARDS.items():
        for variable in dashboard["templating"].get("list", ()):
            if variable["type"] == "query" and "infinityQuery" in variable["query"]:
                asked.append((f"{name}: {variable['name']}", variable["query"]["infinityQuery"]))
    return [
        ItemsQuery(where, target["url"], tuple((column["selector"], column["type"]) for column in target["columns"]))
        for where, target in asked
    ]


def variables_used(dashboard: dict[str, Any]) -> set[str]:
    """The names in `${...}` anywhere in the panels and variables, without Grafana's own."""
    return {name for name, _ in _VARIABLE.findall(json.dumps(dashboard)) if not name.startswith("__")}


def _targets(source: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, dashboard in DASHBOARDS.items():
        for panel in dashboard["panels"]:
            for target in panel.get("targets", ()):
                if target["datasource"]["type"] == source:
                    yield f"{name}: {panel['title']}", target


def _rules(kind: str) -> list[dict[str, Any]]:
    files = sorted((DEPLOY / "prometheus" / "rules").glob("*.yml"))
    groups = [group for path in files for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"] if kind in rule]
