"""Panels and dashboards with this project's looks."""

from collections.abc import Iterable, Sequence

from grafana_foundation_sdk.builders import common, dashboard, stat, table, timeseries
from grafana_foundation_sdk.models.common import GraphDrawStyle, LegendDisplayMode, LegendPlacement, VisibilityMode
from grafana_foundation_sdk.models.dashboard import DashboardLinkType, DataTransformerConfig, DynamicConfigValue

from grafana.builder.sources import API_REF, PROMETHEUS_REF, ItemsQuery, promql

Panel = timeseries.Panel | table.Panel | stat.Panel
_HEIGHT = 8
_STAT_HEIGHT = 4


def rates(
    title: str,
    about: str,
    queries: Iterable[tuple[str, str]],
    unit: str = "short",
    width: int = 8,
    least: float | None = 0,
) -> Panel:
    """Lines of PromQL queries, each with its legend.

    Args:
        unit: Grafana's name of a unit.
        width: in 24ths.
        least: lower end of the axis; None for what may be below 0.
    """
    panel = timeseries.Panel().title(title).description(about).datasource(PROMETHEUS_REF).unit(unit)
    if least is not None:
        panel.min(least)
    for number, (expr, legend) in enumerate(queries):
        panel.with_target(promql(expr, legend).ref_id(chr(ord("A") + number)))
    return panel.legend(_legend()).fill_opacity(8).show_points(VisibilityMode.NEVER).span(width).height(_HEIGHT)


def number(title: str, about: str, expr: str, unit: str = "short", width: int = 4) -> Panel:
    """The last value of a PromQL query."""
    panel = stat.Panel().title(title).description(about).datasource(PROMETHEUS_REF).unit(unit)
    return panel.with_target(promql(expr, title).ref_id("A").instant()).span(width).height(_STAT_HEIGHT)


def series(title: str, about: str, query: ItemsQuery, width: int = 24, points: bool = False) -> Panel:
    """The number columns of serve_api's items over their time column."""
    panel = timeseries.Panel().title(title).description(about).datasource(API_REF).with_target(query)
    panel.draw_style(GraphDrawStyle.POINTS if points else GraphDrawStyle.LINE)
    return panel.legend(_legend()).show_points(VisibilityMode.ALWAYS).point_size(4).span(width).height(_HEIGHT)


def rows(
    title: str,
    about: str,
    query: ItemsQuery,
    width: int = 24,
    transformations: Sequence[DataTransformerConfig] = (),
) -> table.Panel:
    """serve_api's items as a table."""
    panel = table.Panel().title(title).description(about).datasource(API_REF).with_target(query).show_header(True)
    for transformation in transformations:
        panel.with_transformation(transformation)
    return panel.span(width).height(_HEIGHT)


def counted_by(field: str) -> DataTransformerConfig:
    """Groups a table's rows by a column and counts their ids."""
    return DataTransformerConfig(
        id_val="groupBy",
        options={
            "fields": {
                field: {"operation": "groupby", "aggregations": []},
                "id": {"operation": "aggregate", "aggregations": ["count"]},
            }
        },
    )


def linked(panel: table.Panel, column: str, url: str) -> table.Panel:
    """The table with a link on each cell of a column."""
    link = {"title": "open", "url": url}
    return panel.override_by_name(column, [DynamicConfigValue(id_val="links", value=[link])])


def board(
    title: str, about: str, panels: Iterable[Panel | dashboard.Row], since: str = "now-1h"
) -> dashboard.Dashboard:
    """A dashboard of panels in reading order, which is linked to the others and cannot be changed in Grafana."""
    made = dashboard.Dashboard(title).uid(f"headrace-{title.lower()}").description(about).tags(["headrace"]).readonly()
    made.time(since, "now").refresh("10s").timezone("browser").link(
        dashboard.DashboardLink("Headrace").type(DashboardLinkType.DASHBOARDS).tags(["headrace"]).keep_time(True)
    )
    for position, panel in enumerate(panels, 1):
        if isinstance(panel, dashboard.Row):
            made.with_row(panel.id(position))
        else:
            made.with_panel(panel.id(position))
    return made


def _legend() -> common.VizLegendOptions:
    legend = common.VizLegendOptions().show_legend(True)
    return legend.display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
