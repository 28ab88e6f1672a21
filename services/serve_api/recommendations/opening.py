"""Builds what a process has for recommendations."""

from collections.abc import Iterator
from contextlib import contextmanager

from headrace.clock import Clock
from headrace.experiments.experiments import Experiments
from headrace.experiments.folder import load_experiments
from headrace.recommend.policy import load_policies
from headrace.subjects.async_subjects import AsyncSubjects
from headrace.subjects.erased import ErasedSubjects
from serve_api.confirmed_writer import ConfirmedWriter
from serve_api.places import Places
from serve_api.recommendations.answering import Answering
from serve_api.recommendations.followed_state import FollowedState
from serve_api.recommendations.live_watchers import LiveWatchers
from serve_api.recommendations.metrics import RecommendationMetrics
from serve_api.recommendations.people import People
from serve_api.recommendations.policies import AnswerPolicies
from serve_api.recommendations.recommendations import Recommendations
from serve_api.recommendations.recorder import Recorder
from serve_api.recommendations.sites import Sites
from serve_api.recommendations.users import Users
from serve_api.settings import Settings

Rules = tuple[AnswerPolicies, Experiments]


def read_rules(settings: Settings) -> Rules:
    """What is recommended where, and which experiments change it.

    Raises:
        ConfigurationError: a file is missing or wrong, or they don't go together.
    """
    policies = load_policies(settings.recommendations_file)
    experiments = load_experiments(settings.experiments)
    return AnswerPolicies(policies, experiments), experiments


@contextmanager
def followed_recommendations(
    settings: Settings,
    metrics: RecommendationMetrics,
    writer: ConfirmedWriter,
    subjects: AsyncSubjects | None,
    rules: Rules,
    clock: Clock,
) -> Iterator[Recommendations]:
    """Follows topics from when the block begins, which is on the event loop, until it ends."""
    policies, experiments = rules
    erased = ErasedSubjects(settings.brokers) if subjects is None else subjects.sync.erased
    users, sites = Users(settings.recommend_users_bytes), Sites(settings.recommend_sessions)
    watchers = LiveWatchers(
        settings.recommend_live_max_clients, metrics.live_clients, settings.recommend_live_per_address
    )
    state = FollowedState(settings.brokers, users, sites, erased, watchers, metrics, clock)
    people = People(subjects, clock, settings.recommend_subject_timeout)
    recorder = Recorder(writer, clock, settings.recommend_record_timeout)
    answering = Answering(state, people, policies, experiments, recorder, metrics, clock)
    metrics.expect(policies.labels())
    _watch(metrics, users, sites, settings.site)
    state.start()
    if subjects is None:
        erased.start_in_background()
    try:
        places = Places(settings.recommend_max_open, "requests for recommendations are being answered", retry_after=1)
        yield Recommendations(state, answering, watchers, places)
    finally:
        state.stop()
        if subjects is None:
            erased.stop()


def _watch(metrics: RecommendationMetrics, users: Users, sites: Sites, name: str) -> None:
    metrics.watch("users", "Persons of whom something is known in memory", lambda: len(users))
    metrics.watch("users_bytes", "Memory for them", lambda: users.bytes)
    metrics.watch("users_left_out", "Persons who left memory as others took their place", lambda: users.forgotten)
    metrics.watch("items", "Items of the site's catalog", lambda: sites.of(name).listed)
    metrics.watch("model_version", "Version of the site's online model", lambda: sites.of(name).online.version)
    metrics.watch(
        "coverage_ratio",
        "Share of the site's catalog in its last 1,000 answers",
        lambda: sites.of(name).quality.coverage(sites.of(name).listed),
    )
    metrics.watch(
        "novelty_bits",
        "Mean self-information of the items in the last 1,000 answers",
        lambda: sites.of(name).quality.novelty(),
    )
    metrics.watch(
        "popular_ratio",
        "Share of places in the last 1,000 answers with an item of the most popular hundredth",
        lambda: sites.of(name).quality.popular_share(sites.of(name).popular()),
    )
