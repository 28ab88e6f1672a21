"""The dashboard "Models": what the promoted models say, how fast, what runs, and what could not."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard

from grafana.builder.choices import label_choice
from grafana.builder.panels import Panel, board, number, rates

_CHOSEN = 'model=~"${model}"'


def models() -> dashboard.Dashboard:
    about = "The promoted models: predictions by role and decision, scores, latency by stage, versions, refusals."
    chosen = label_choice("model", "Model", "headrace_model_version")
    return board("Models", about, _panels(), since="now-6h").with_variable(chosen)


def _panels() -> Iterator[Panel | dashboard.Row]:
    yield from _state()
    yield dashboard.Row("Predictions")
    yield from _predictions()
    yield dashboard.Row("Inputs and trials")
    yield from _trials()
    yield dashboard.Row("Versions")
    yield from _versions()
    yield dashboard.Row("Models that learn from the stream")
    yield from _online()
    yield dashboard.Row("Training")
    yield from _training()


def _state() -> Iterator[Panel]:
    yield number("Models", "Of which a version was promoted.", "count(count by (model) (headrace_model_version))")
    yield number(
        "Not loaded",
        "Promoted versions that could not be loaded; what ran before goes on.",
        f"sum(headrace_model_not_loaded{{{_CHOSEN}}})",
    )
    yield number(
        "Alerts firing",
        "See Prometheus for what to do.",
        f'count(ALERTS{{alertstate="firing", {_CHOSEN}}}) or vector(0)',
    )
    yield number(
        "Predictions in 24 hours",
        "Those of shadows are not counted.",
        f'sum(increase(headrace_predictions_total{{{_CHOSEN}, role!="shadow"}}[24h]))',
    )
    yield number(
        "Outcomes in 24 hours",
        "What came of predictions.",
        f"sum(increase(headrace_prediction_outcomes_total{{{_CHOSEN}}}[24h]))",
    )
    yield number(
        "Oldest champion",
        "Since the version was made.",
        f'time() - min(headrace_model_created_seconds{{{_CHOSEN}, role="champion"}})',
        "s",
    )


def _predictions() -> Iterator[Panel]:
    yield rates(
        "Predictions",
        "Per second, by role: of a shadow nobody sees the answer.",
        [
            (
                f"sum by (model, role) (model_role_decision:headrace_predictions:rate5m{{{_CHOSEN}}})",
                "{{model}} {{role}}",
            )
        ],
        "cps",
    )
    yield rates(
        "Positive decisions",
        "Share of the predictions whose score reached the threshold.",
        [(f"model_role:headrace_prediction_positive:ratio1h{{{_CHOSEN}}}", "{{model}} {{role}}")],
        "percentunit",
    )
    yield rates(
        "Score",
        "Median and upper decile of the probabilities of an hour; a champion's and its canary's should lie together.",
        [
            (_score_quantile(0.5), "{{model}} {{role}} median"),
            (_score_quantile(0.9), "{{model}} {{role}} 90 %"),
        ],
        "percentunit",
    )
    yield rates(
        "Latency by stage",
        "One in a hundred requests takes longer. record is the wait for Kafka.",
        [("stage:headrace_prediction_stage_seconds:p99_5m", "{{stage}}")],
        "s",
        12,
    )
    yield rates(
        "Outcomes",
        "What came of predictions, per second.",
        [(f"sum by (model) (rate(headrace_prediction_outcomes_total{{{_CHOSEN}}}[5m]))", "{{model}}")],
        "cps",
        12,
    )


def _score_quantile(share: float) -> str:
    buckets = f"sum by (model, role, le) (rate(headrace_prediction_score_bucket{{{_CHOSEN}}}[1h]))"
    return f"histogram_quantile({share}, {buckets})"


def _trials() -> Iterator[Panel]:
    yield rates(
        "Unseen levels",
        "Rows per second with a category's value that was not in training, by input.",
        [(f"sum by (model, input) (rate(headrace_prediction_unseen_total{{{_CHOSEN}}}[5m]))", "{{model}} {{input}}")],
        "cps",
        12,
    )
    yield rates(
        "Trial failures",
        "Rows per second that a canary or shadow did not score or record; no request failed for them.",
        [
            (
                f"sum by (model, role, reason) (rate(headrace_prediction_trial_failures_total{{{_CHOSEN}}}[5m]))",
                "{{model}} {{role}} {{reason}}",
            )
        ],
        "cps",
        12,
    )


def _versions() -> Iterator[Panel]:
    yield rates(
        "Version",
        "What runs; processes that disagree for longer than a swap show as two lines.",
        [(f"headrace_model_version{{{_CHOSEN}}}", "{{model}} {{role}} {{instance}}")],
    )
    yield rates(
        "Age",
        "Since the version was made.",
        [(f"time() - max by (model, role) (headrace_model_created_seconds{{{_CHOSEN}}})", "{{model}} {{role}}")],
        "s",
    )
    yield rates(
        "Loads",
        "Versions within an hour: loaded, refused, or unavailable, which is tried again.",
        [(f"sum by (model, outcome) (increase(headrace_model_loads_total{{{_CHOSEN}}}[1h]))", "{{model}} {{outcome}}")],
    )


def _online() -> Iterator[Panel]:
    loss = f"sum by (model, variant) (headrace_online_recent_loss{{{_CHOSEN}}})"
    base = f"sum by (model, variant) (headrace_online_recent_base_loss{{{_CHOSEN}}})"
    yield rates(
        "Loss beside none",
        "Of the last 1,000 outcomes, as a share of a forecast's without a model: below 1 it is worth it.",
        [(f"{loss} / {base}", "{{model}} {{variant}}")],
        "percentunit",
    )
    yield rates(
        "Outcomes learned from",
        "Per second, by variant; the champion and its challengers learn alike.",
        [(f"sum by (model, variant) (rate(headrace_online_outcomes_total{{{_CHOSEN}}}[5m]))", "{{model}} {{variant}}")],
        "cps",
    )
    yield rates(
        "Rows scored",
        "Of topics, per second.",
        [(f"sum by (model, role) (rate(headrace_scored_rows_total{{{_CHOSEN}}}[5m]))", "{{model}} {{role}}")],
        "cps",
    )


def _training() -> Iterator[Panel]:
    yield rates(
        "Drift",
        "Greatest population stability index of an input or the score since training; 0.25 is much.",
        [(f"headrace_model_drift_psi{{{_CHOSEN}}}", "{{model}}")],
    )
    yield rates(
        "New rows",
        "That came since the last training.",
        [(f"headrace_model_new_rows{{{_CHOSEN}}}", "{{model}}")],
    )
    yield rates(
        "Trainings",
        "Within a day, by how they ended.",
        [
            (
                f"sum by (model, outcome) (increase(headrace_model_trainings_total{{{_CHOSEN}}}[1d]))",
                "{{model}} {{outcome}}",
            )
        ],
    )
