"""Variables at the top of a dashboard."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import VariableOption, VariableRefresh, VariableSort

from grafana.builder.sources import API_REF, PROMETHEUS_REF, Column, ItemsQuery


def choice(name: str, label: str, path: str, column: str) -> dashboard.QueryVariable:
    """One value of a column of serve_api's items."""
    query = ItemsQuery(path, (Column(column),), ref_id="variable")
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(API_REF)
        .query({"queryType": "infinity", "query": "", "infinityQuery": query})
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )


def label_choice(name: str, label: str, series: str) -> dashboard.QueryVariable:
    """Any values of the label `name` of a Prometheus series; all are chosen at the beginning."""
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(PROMETHEUS_REF)
        .query({"query": f"label_values({series}, {name})", "refId": "variable"})
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(VariableOption(True, "All", "$__all"))
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )


def width_choice(*seconds: int) -> dashboard.CustomVariable:
    """The width of windows; the first is chosen at the beginning."""
    first = str(seconds[0])
    values = ",".join(map(str, seconds))
    return (
        dashboard.CustomVariable("width").label("Window, s").values(values).current(VariableOption(True, first, first))
    )


def device_choice() -> dashboard.QueryVariable:
    """A device of the registry."""
    return choice("device", "Device", "/v1/devices?limit=10000", "device")
