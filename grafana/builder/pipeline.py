"""The dashboard "Pipeline": what flows, what waits, what fails, on the series of deploy/prometheus/rules."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard

from grafana.builder.panels import Panel, board, number, rates


def pipeline() -> dashboard.Dashboard:
    about = "From MQTT to Cassandra and the API: rates by stage, lag, dead letters, latency, memory."
    return board("Pipeline", about, _panels())


def _panels() -> Iterator[Panel | dashboard.Row]:
    yield from _state()
    yield dashboard.Row("Flow")
    yield from _flow()
    yield dashboard.Row("Waiting and lost")
    yield from _trouble()
    yield dashboard.Row("API")
    yield from _api()
    yield dashboard.Row("Processes")
    yield from _processes()


def _state() -> Iterator[Panel]:
    services = 'up{job=~"ingest_.*|process_.*|sink_.*|serve_.*|train_.*"}'
    yield number("Services up", "Processes that Prometheus reaches.", f"sum({services})")
    yield number("Alerts firing", "See Prometheus for what to do.", 'count(ALERTS{alertstate="firing"}) or vector(0)')
    yield number("MQTT connected", "Bridges with a connection to the MQTT broker.", "sum(headrace_mqtt_connected)")
    yield number("Sink paused", "1 while Cassandra keeps the sink waiting.", "max(headrace_writes_paused)")
    yield number(
        "Oldest unacked",
        "Age of the oldest message that Kafka has not confirmed.",
        "max(headrace_oldest_unacked_seconds)",
        "s",
    )
    yield number(
        "Broker dropped",
        "Messages that the MQTT broker dropped since its start.",
        "max(headrace_broker_dropped_messages)",
    )


def _flow() -> Iterator[Panel]:
    yield rates(
        "In",
        "MQTT messages, raw records and records that each stage takes per second.",
        [("service:headrace_input:rate1m", "{{service}}")],
        "cps",
    )
    yield rates(
        "Out",
        "Records that Kafka confirmed, records written and rows that each stage gives per second.",
        [("service:headrace_output:rate1m", "{{service}}")],
        "cps",
    )
    yield rates(
        "Readings",
        "Decoded readings per second, by what became of them.",
        [("fate:headrace_readings:rate1m", "{{fate}}")],
        "cps",
    )
    yield rates(
        "Device to store",
        "From the device's time to Cassandra, a sample of the readings.",
        [
            ("service:headrace_device_to_store_seconds:p50_5m", "p50"),
            ("service:headrace_device_to_store_seconds:p99_5m", "p99"),
            ("service:headrace_write_seconds:p99_5m", "one flush, p99"),
        ],
        "s",
    )
    yield rates(
        "Anomalies",
        "Anomalies found per second, by detector.",
        [("detector:headrace_anomalies:rate5m", "{{detector}}")],
        "cps",
    )
    yield rates(
        "Receipts",
        "Answers to devices that asked for one, per second, by what became of them.",
        [("outcome:headrace_receipts:rate1m", "{{outcome}}")],
        "cps",
    )


def _trouble() -> Iterator[Panel]:
    yield rates(
        "Lag",
        "Records that a service has not read yet, by topic.",
        [("service_topic:headrace_lag_records:sum", "{{service}} {{topic}}")],
    )
    yield rates(
        "Dead letters",
        "Records that can't be processed as they are, per second, by reason.",
        [("sum by (reason) (service_reason:headrace_dead_letters:rate5m)", "{{reason}}")],
        "cps",
    )
    yield rates(
        "Held back",
        "Messages that Kafka has not confirmed, and writes tried again.",
        [
            ("sum(headrace_in_flight_messages)", "in flight"),
            ("sum(increase(headrace_retries_total[1m]))", "retries a minute"),
        ],
    )


def _api() -> Iterator[Panel]:
    yield rates(
        "Requests",
        "Requests per second, by route.",
        [("service_route:headrace_api_requests:rate1m", "{{route}}")],
        "reqps",
    )
    yield rates(
        "Time to answer",
        "From a request to the beginning of its answer.",
        [
            ("service:headrace_api_request_seconds:p50_5m", "p50"),
            ("service:headrace_api_request_seconds:p99_5m", "p99"),
        ],
        "s",
    )
    yield rates(
        "Server errors",
        "Share of answers with a status of 500 or more.",
        [("service:headrace_api_errors:ratio5m", "{{service}}")],
        "percentunit",
    )


def _processes() -> Iterator[Panel]:
    yield rates(
        "Memory",
        "Resident memory of each service.",
        [("service:process_resident_memory_bytes:sum", "{{service}}")],
        "bytes",
        12,
    )
    yield rates(
        "CPU",
        "Cores that each service uses.",
        [("service:process_cpu_seconds:rate1m", "{{service}}")],
        "short",
        12,
    )
