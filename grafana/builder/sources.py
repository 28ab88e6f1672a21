"""What panels ask: Prometheus, and serve_api by the Infinity data source, which reads JSON from a URL."""

from dataclasses import dataclass
from typing import Literal

from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import DataSourceRef

INFINITY = "yesoreyeram-infinity-datasource"
PROMETHEUS_REF = DataSourceRef(type_val="prometheus", uid="headrace-prometheus")
API_REF = DataSourceRef(type_val=INFINITY, uid="headrace-api")

IN_RANGE = "from=${__from}&to=${__to}"
"""The dashboard's time range, as epoch milliseconds."""


@dataclass(frozen=True)
class Column:
    """One column of an answer's items: the member's name, which is also the column's, and its type."""

    name: str
    kind: Literal["string", "number", "timestamp", "boolean"] = "string"

    def to_json(self) -> dict[str, str]:
        return {"selector": self.name, "text": self.name, "type": self.kind}


@dataclass
class ItemsQuery(Dataquery, Builder[Dataquery]):
    """The `items` of a GET of serve_api as a table. `path` starts with `/v1/`; variables in it are percent-encoded."""

    path: str
    columns: tuple[Column, ...]
    ref_id: str = "A"

    def build(self) -> Dataquery:
        return self

    def to_json(self) -> dict[str, object]:
        return {
            "refId": self.ref_id,
            "datasource": API_REF,
            "type": "json",
            "source": "url",
            "format": "table",
            "parser": "backend",
            "url": self.path,
            "url_options": {"method": "GET", "data": ""},
            "root_selector": "items",
            "columns": list(self.columns),
            "filters": [],
        }


def promql(expr: str, legend: str) -> prometheus.Dataquery:
    """A PromQL query over the dashboard's range; `legend` names its series, such as `{{service}}`."""
    return prometheus.Dataquery().expr(expr).legend_format(legend).datasource(PROMETHEUS_REF)
