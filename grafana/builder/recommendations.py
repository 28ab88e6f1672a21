"""The dashboard "Recommendations": what people do, what they are answered, and how it comes about."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard

from grafana.builder.choices import label_choice
from grafana.builder.panels import Panel, board, number, rates
from grafana.builder.recommendation_quality import experiments, learning, quality

_PROCESS = 'service="process_interactions"'


def recommendations() -> dashboard.Dashboard:
    about = "From what people do to what they are recommended: quality, freshness, learning, experiments, privacy."
    chosen = label_choice("experiment", "Experiment", "headrace_experiment_enrolled")
    return board("Recommendations", about, _panels(), since="now-6h").with_variable(chosen)


def _panels() -> Iterator[Panel | dashboard.Row]:
    yield from _state()
    yield dashboard.Row("What people do")
    yield from _people()
    yield dashboard.Row("Answers")
    yield from _answers()
    yield dashboard.Row("Quality")
    yield from quality()
    yield dashboard.Row("Freshness")
    yield from _freshness()
    yield dashboard.Row("Learning")
    yield from learning()
    yield dashboard.Row("Experiments")
    yield from experiments()
    yield dashboard.Row("Privacy")
    yield from _privacy()
    yield dashboard.Row("Memory")
    yield from _memory()


def _state() -> Iterator[Panel]:
    yield number(
        "Answers",
        "Recommendations per second. 0 with visitors about: the shop no longer asks; see its own log.",
        "sum(kind:headrace_recommendations:rate1m)",
        "reqps",
    )
    yield number(
        "Slowest of a hundred",
        "The target is 20 ms. Above it, see below in which stage the time goes.",
        'stage:headrace_recommendation_stage_seconds:p99_5m{stage="whole"}',
        "s",
    )
    yield number(
        "Without a part",
        "Share of the answers that the part that is missed most was missing in. Above 0, see which below.",
        "max(part:headrace_recommendations_degraded:ratio5m)",
        "percentunit",
    )
    yield number(
        "Until answers change",
        "From an interaction to answers that know of it, one in a hundred takes longer. The target is 1 s.",
        "max(service:headrace_recommendation_freshness_seconds:p99_5m)",
        "s",
    )
    yield number(
        "Age of the model",
        "Since the last version of the online model. It grows while nobody does anything; else see Learning.",
        "time() - max(headrace_learning_model_version)",
        "s",
    )
    yield number("Alerts firing", "See Prometheus for what to do.", 'count(ALERTS{alertstate="firing"}) or vector(0)')


def _people() -> Iterator[Panel]:
    yield rates(
        "Interactions",
        "Taken per second, by kind. One kind that ends alone is a client that no longer sends it.",
        [('sum by (kind) (rate(headrace_interactions_total{fate="taken"}[5m]))', "{{kind}}")],
        "cps",
    )
    yield rates(
        "Left out",
        "Per second: repeats are harmless. Many flagged are machines: limit their client. Many without_consent: ask "
        "the shop what changed in its consent dialog.",
        [('fate:headrace_interactions:rate1m{fate!="taken"}', "{{fate}}")],
        "cps",
    )
    yield rates(
        "Events by the API",
        "Per second. refused: the answers name the field, mend the client. unconfirmed: Kafka is away. no_subject: "
        "Cassandra is away.",
        [("outcome:headrace_api_events:rate1m", "{{outcome}}")],
        "cps",
    )
    yield rates(
        "Machines",
        "People that were found to be machines within an hour, or people again. Where real people are flagged, their "
        "client sends one id for many.",
        [("sum by (step) (increase(headrace_flagged_subjects_total[1h]))", "{{step}}")],
    )
    yield rates(
        "Flagged interactions",
        "Share of those of 15 minutes. Above a fifth, see which client they come from.",
        [("service:headrace_interactions_flagged:ratio15m", "{{service}}")],
        "percentunit",
    )
    yield rates(
        "Refused clients",
        "Requests to the API per second that were refused for their key or rate. unknown_key after a release: the "
        "client has an old key; rate_limited: raise its limit in SERVE_API_CLIENTS, or ask its owner.",
        [("sum by (reason) (rate(headrace_api_refused_clients_total[5m]))", "{{reason}}")],
        "reqps",
    )


def _answers() -> Iterator[Panel]:
    yield rates(
        "By kind",
        "Per second: personal, cold (nothing is known of the person) and impersonal (no consent, or nobody was "
        "named). All cold at once: events don't come with the ids that answers are asked for with.",
        [("kind:headrace_recommendations:rate1m", "{{kind}}")],
        "reqps",
    )
    yield rates(
        "By surface",
        "Per second. A surface that is at 0 is no longer asked for; default are those without a policy of their own.",
        [("sum by (surface) (rate(headrace_recommendations_total[5m]))", "{{surface}}")],
        "reqps",
    )
    yield rates(
        "Cold",
        "Share of the answers to named people of whom nothing is known. A rise beside usual interactions: features "
        "are not read, or people get new ids at every visit.",
        [
            (
                'sum(rate(headrace_recommendations_total{kind="cold"}[5m]))'
                ' / (sum(rate(headrace_recommendations_total{kind!="impersonal"}[5m])) > 0)',
                "cold",
            )
        ],
        "percentunit",
    )
    yield rates(
        "Usual latency by stage",
        "Half of the answers take longer. rank or candidates: a full core. record: Kafka. Where people are looked up: "
        "Cassandra.",
        [("stage:headrace_recommendation_stage_seconds:p50_5m", "{{stage}}")],
        "s",
    )
    yield rates(
        "Latency by stage",
        "One in a hundred takes longer; the target of the whole is 20 ms. At a full core start another serve_api.",
        [("stage:headrace_recommendation_stage_seconds:p99_5m", "{{stage}}")],
        "s",
    )
    yield rates(
        "Without a part",
        "Share of the answers, by part. record: Kafka; subjects: Cassandra; batch: its model can't be loaded; the "
        "others are not read from their topics: see the log of serve_api.",
        [("part:headrace_recommendations_degraded:ratio5m", "{{part}}")],
        "percentunit",
    )


def _freshness() -> Iterator[Panel]:
    freshness = "service:headrace_recommendation_freshness_seconds"
    yield rates(
        "Event to changed answer",
        "From Kafka's append until answers know of it; the target of p99 is 1 s. Where nothing lags beside it, "
        "serve_api has too little CPU.",
        [(f"max({freshness}:p50_5m)", "p50"), (f"max({freshness}:p99_5m)", "p99")],
        "s",
    )
    yield rates(
        "Lag",
        "Records that process_interactions has not read yet, by topic. One that grows: start another process; lessons "
        "and exposures have one partition and one reader.",
        [(f"sum by (topic) (headrace_lag_records{{{_PROCESS}}})", "{{topic}}")],
    )
    yield rates(
        "Publish lag",
        "Seconds between the newest record that was learned and the oldest that is in no version yet. Above some "
        "seconds: more items change than PROCESS_INTERACTIONS_PUBLISH_ROWS lets through.",
        [("max(headrace_learning_publish_lag_seconds)", "lag")],
        "s",
    )


def _privacy() -> Iterator[Panel]:
    yield rates(
        "Erased",
        "People erased within an hour. More than were asked for: see who calls DELETE /v1/users/{id}/data.",
        [("sum(increase(headrace_erased_subjects_total[1h]))", "people")],
        width=6,
    )
    yield rates(
        "Records of the erased",
        "Records within an hour that came of people who were erased, and were not stored. Many: a client still sends "
        "them under the old id, or a topic is replayed.",
        [("sum(increase(headrace_erased_records_total[1h]))", "not stored")],
        width=6,
    )
    yield rates(
        "Waiting erasures",
        "Erasures that a service has not taken yet. It should be 0 within seconds; else see the service's log.",
        [('sum by (service) (headrace_lag_records{topic="subjects.erased"})', "{{service}}")],
        width=6,
    )
    yield rates(
        "Keys of the erased",
        "Since the first erasure whose sealed key could still be opened where a disk or a backup has it. It falls when "
        "the master key is replaced, a day or so after; else see the log of serve_api or run headrace subjects rotate.",
        [("max by (service) (headrace_oldest_readable_erasure_seconds)", "{{service}}")],
        "s",
        width=6,
    )


def _memory() -> Iterator[Panel]:
    yield rates(
        "In serve_api",
        "Of what is known of people, all within it. At SERVE_API_RECOMMEND_USERS_BYTES those who were away longest "
        "leave.",
        [
            ("max by (service) (headrace_recommendation_users_bytes)", "people"),
            ('service:process_resident_memory_bytes:sum{service="serve_api"}', "the process"),
        ],
        "bytes",
    )
    yield rates(
        "People in memory",
        "Of whom answers know something, and those who left since others took their place: raise "
        "SERVE_API_RECOMMEND_USERS_BYTES where those grow.",
        [
            ("max(headrace_recommendation_users)", "in memory"),
            ("max(headrace_recommendation_users_left_out)", "left"),
        ],
    )
    yield rates(
        "In process_interactions",
        "State and model. Where it grows without more people, lower PROCESS_INTERACTIONS_FORGET_AFTER_S.",
        [(f"service:process_resident_memory_bytes:sum{{{_PROCESS}}}", "{{service}}")],
        "bytes",
    )
