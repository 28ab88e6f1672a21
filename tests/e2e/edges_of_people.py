"""How each edge of the topics about people shows that it carried something: by what became of what they did."""

from __future__ import annotations

from collections.abc import Callable

from headrace.topics import load_topics
from tests.e2e.people import People

_TOPICS = load_topics()


def _told_by(edge: str) -> Callable[[People], object]:
    return lambda people: people.before[edge] and people.after[edge]


def _forgot_its_subject(edge: str) -> Callable[[People], object]:
    """It remembered the person's subject from the event before, and would have used it again."""
    return lambda people: people.before[edge] not in people.after.values()


OF_PEOPLE: dict[tuple[str, str, str], Callable[[People], object]] = {
    **{("interactions.raw", "written by", edge): _told_by(edge) for edge in _TOPICS["interactions.raw"].writers},
    ("interactions.raw", "read by", "process_interactions"): lambda people: (
        (people.features(people.subject) or {}).get("counts", {}).get("purchase") == 1
    ),
    ("interactions.raw", "read by", "sink_cassandra"): lambda people: any(
        row.get("kind") == "purchase" for row in people.data(people.known)
    ),
    ("interactions.raw", "read by", "train_models"): lambda people: (
        people.subject in people.frozen_column("interactions.raw", "value", "subject")
    ),
    ("items.catalog", "written by", "serve_api"): lambda people: (
        people.item in people.frozen_column("items.catalog", "price", "item")
    ),
    ("items.catalog", "written by", "ingest_sources"): lambda people: (
        people.filed_item in people.frozen_column("items.catalog", "price", "item")
    ),
    ("items.catalog", "read by", "serve_api"): lambda people: people.get(f"items/{people.filed_item}")["price"] == 3,
    ("items.catalog", "read by", "train_models"): lambda people: (
        people.filed_item in people.frozen_column("items.catalog", "price", "item")
    ),
    ("subjects.erased", "written by", "serve_api"): lambda people: people.values(
        "subjects.erased", people.before["serve_api"]
    ),
    **{
        ("subjects.erased", "read by", edge): _forgot_its_subject(edge)
        for edge in ("serve_api", "ingest_mqtt", "ingest_sources")
    },
    ("subjects.erased", "read by", "process_interactions"): lambda people: (
        people.values("interactions.features", people.before["serve_api"])[-1:] == [None]
    ),
    ("subjects.erased", "read by", "sink_cassandra"): lambda people: people.rows(people.before["serve_api"]) == 0,
    ("subjects.erased", "read by", "train_models"): lambda people: people.frozen(
        "interactions.raw", "value"
    ).about.left_out["records of erased subjects"],
    ("interactions.features", "written by", "process_interactions"): lambda people: people.features(people.subject),
    ("interactions.features", "read by", "serve_api"): lambda people: (
        people.recommended(people.known)["kind"] == "personal"
    ),
    ("interactions.features", "read by", "train_models"): lambda people: people.is_left_out_of_training(),
    ("interactions.sessions", "written by", "process_interactions"): lambda people: people.values(
        "interactions.sessions", people.subject
    ),
    ("interactions.sessions", "read by", "serve_api"): lambda people: people.goes_by_sessions(),
    ("interactions.lessons", "written by", "process_interactions"): lambda people: people.values(
        "interactions.lessons", people.subject
    ),
    ("interactions.lessons", "read by", "process_interactions"): lambda people: people.has_learned_all(),
    ("interactions.exposures", "written by", "process_interactions"): lambda people: people.has_exposures(),
    ("interactions.exposures", "read by", "process_interactions"): lambda people: people.has_learned_all(),
    ("recommendations.made", "written by", "serve_api"): lambda people: people.subject,
    ("recommendations.made", "read by", "process_interactions"): lambda people: people.has_exposures(),
    ("recommendations.made", "read by", "sink_cassandra"): lambda people: (
        people.answer["id"] in [row["id"] for row in people.data(people.known)]
    ),
    ("recommendations.items", "written by", "process_interactions"): lambda people: people.values(
        "recommendations.items", f"default/{people.item}"
    ),
    # Nothing else says what is lively.
    ("recommendations.items", "read by", "serve_api"): lambda people: (
        "trending" in [row["source"] for row in people.get("trending?count=20")["items"]]
    ),
    ("recommendations.models", "written by", "process_interactions"): lambda people: people.values(
        "recommendations.models", "default"
    ),
    ("recommendations.models", "read by", "serve_api"): lambda people: people.get("trending")["versions"]["online"] > 0,
    ("experiments.totals", "written by", "process_interactions"): lambda people: people.enrolled() > 0,
    ("experiments.totals", "read by", "serve_api"): lambda people: sum(
        arm["enrolled"] for arm in people.get("experiments/home_variety/results")["arms"]
    ),
}
"""All but those of changelogs, which a restart shows."""
