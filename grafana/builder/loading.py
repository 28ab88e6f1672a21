"""The dashboard "Sources": what ingest_sources delivers, what it refuses, what waits, what can't be read."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard

from grafana.builder.choices import label_choice
from grafana.builder.panels import Panel, board, number, rates

_CHOSEN = 'source=~"${source}"'
_SERVICE = "ingest_sources"
_LAST = f"service_source:headrace_source_last_done_seconds:max7d{{{_CHOSEN}}}"


def loading() -> dashboard.Dashboard:
    about = "The configured sources: rows and files by what became of them, what waits, what fails, how fresh it is."
    chosen = label_choice("source", "Source", "headrace_source_rows_total")
    return board("Sources", about, _panels(), since="now-6h").with_variable(chosen)


def _panels() -> Iterator[Panel | dashboard.Row]:
    yield from _state()
    yield dashboard.Row("Rows")
    yield from _rows()
    yield dashboard.Row("Quality")
    yield from _quality()
    yield dashboard.Row("Files")
    yield from _files()
    yield dashboard.Row("Process")
    yield from _process()


def _state() -> Iterator[Panel]:
    firing = f'ALERTS{{alertstate="firing", {_CHOSEN}}}'
    yield number("Service up", "1 while Prometheus reaches ingest_sources.", f'sum(up{{job="{_SERVICE}"}})')
    yield number(
        "Running for", "Since its last start.", f'time() - max(process_start_time_seconds{{job="{_SERVICE}"}})', "s"
    )
    yield number("Alerts firing", "See Prometheus for what to do.", f"count({firing}) or vector(0)")
    yield number("Waiting files", "In the folders, not done yet.", f"sum(headrace_source_waiting_files{{{_CHOSEN}}})")
    yield number(
        "Failing", "Sources that can't be read and are tried again.", f"sum(headrace_source_failing{{{_CHOSEN}}})"
    )
    yield number(
        "Last rows", "Since a file was done or rows came, of any chosen source.", f"time() - max({_LAST})", "s"
    )
    yield number(
        "Rows in 24 hours",
        "Delivered, rejected and dropped.",
        f"sum(service_source:headrace_source_rows:increase1d{{{_CHOSEN}}})",
    )


def _rows() -> Iterator[Panel]:
    yield rates(
        "Rows",
        "Rows committed per second: delivered to a topic, rejected to the dead letters, or dropped by a filter.",
        [(f"service_source_outcome:headrace_source_rows:rate1m{{{_CHOSEN}}}", "{{source}} {{outcome}}")],
        "cps",
        12,
    )
    yield rates(
        "Rejected",
        "Share of the rows of 15 minutes that became dead letters; none where no row came.",
        [(f"service_source:headrace_source_rejected_rows:ratio15m{{{_CHOSEN}}}", "{{source}}")],
        "percentunit",
        12,
    )


def _quality() -> Iterator[Panel]:
    yield rates(
        "Rows by rule",
        "Rows per second that a rule refused or dropped, by its position and name in the source's file.",
        [
            (
                f"sum by (source, rule) (rate(headrace_source_rule_rows_total{{{_CHOSEN}}}[5m]))",
                "{{source}} {{rule}}",
            )
        ],
        "cps",
        12,
    )
    yield rates(
        "Differences",
        "In how many ways the last run differs from those before: headrace sources report NAME says in which.",
        [(f"max by (source) (headrace_source_findings{{{_CHOSEN}}})", "{{source}}")],
        "short",
        12,
    )


def _files() -> Iterator[Panel]:
    yield rates(
        "Files",
        "Files within 15 minutes: done, refused into quarantine, or repeated, as their bytes were loaded before.",
        [(f"service_source_outcome:headrace_source_files:increase15m{{{_CHOSEN}}}", "{{source}} {{outcome}}")],
    )
    yield rates(
        "Waiting",
        "Files in the folder that are not done yet, those that are being loaded included.",
        [(f"sum by (source) (headrace_source_waiting_files{{{_CHOSEN}}})", "{{source}}")],
    )
    yield rates(
        "Age",
        "Since a file of the source was done or rows came; remembered for a week.",
        [(f"time() - {_LAST}", "{{source}}")],
        "s",
    )


def _process() -> Iterator[Panel]:
    yield rates(
        "Memory",
        "Resident memory, without that of the processes that read files.",
        [(f'service:process_resident_memory_bytes:sum{{service="{_SERVICE}"}}', "{{service}}")],
        "bytes",
        12,
    )
    yield rates(
        "CPU",
        "Cores that it uses, without those of the processes that read files.",
        [(f'service:process_cpu_seconds:rate1m{{service="{_SERVICE}"}}', "{{service}}")],
        "short",
        12,
    )
