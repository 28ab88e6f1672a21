"""Examples of results, as JSON, for whoever reads what the API answers."""

from pydantic import ConfigDict, JsonValue

DECISION: JsonValue = {
    "decided": "ship",
    "arm": "varied",
    "reason": "varied is better in clicked, and every guardrail is kept",
}
RATIO: JsonValue = {"p": 1.0, "chi_squared_p": 0.85, "is_mismatched": False}
ARM: JsonValue = {
    "arm": "varied",
    "about": "Likeness to what stands above costs",
    "share": 0.5,
    "enrolled": 5388,
    "people": 4917,
}
_CONTROL_MEAN: JsonValue = {
    "arm": "as_ranked",
    "people": 4998,
    "mean": 0.263,
    "plain_mean": 0.262,
    "verdict": "control",
}
MEAN: JsonValue = {
    "arm": "varied",
    "people": 4917,
    "mean": 0.332,
    "plain_mean": 0.333,
    "verdict": "better",
    "difference": 0.069,
    "lower": 0.042,
    "upper": 0.096,
    "lift": 0.263,
    "lift_lower": 0.145,
    "lift_upper": 0.38,
    "p": 1e-9,
    "adjusted_p": 1e-9,
}
METRIC: JsonValue = {
    "metric": "clicked",
    "about": "People who clicked on a recommended item",
    "role": "primary",
    "measure": "happened",
    "unit": "",
    "better": "higher",
    "variance_left": 0.95,
    "arms": [_CONTROL_MEAN, MEAN],
}
GUARDRAIL: JsonValue = {"metric": "revenue", "arm": "varied", "worse": "lower", "margin": 1.0, "state": "kept"}
RESULTS: JsonValue = {
    "experiment": "home_variety",
    "about": "Whether more variety on the shop's first page gets more people to click.",
    "site": "default",
    "revision": 1,
    "state": "running",
    "control": "as_ranked",
    "start": "2026-01-01T00:00:00.000000Z",
    "end": "2026-03-01T00:00:00.000000Z",
    "window_hours": 24.0,
    "updated": "2026-01-31T12:00:00.000000Z",
    "alpha": 0.05,
    "correction": "holm",
    "primary": "clicked",
    "decision": DECISION,
    "sample_ratio": RATIO,
    "arms": [ARM],
    "metrics": [METRIC],
    "guardrails": [GUARDRAIL],
}


def example(value: JsonValue) -> ConfigDict:
    """Puts an example into a schema."""
    return ConfigDict(json_schema_extra={"examples": [value]})
