"""Answers with recommendations: who is asked for, what is known of them, the recommender, and the record of it."""

from __future__ import annotations

import base64
import secrets
import time
from dataclasses import dataclass, replace

from headrace.clock import Clock
from headrace.errors import TerminalError
from headrace.experiments.experiments import Experiments
from headrace.interactions.records import FEATURES, Recommendation, ShownItem, UserFeatures
from headrace.recommend.asked import Ask, Recommended
from headrace.recommend.policy import Policy
from serve_api.recommendations.asked import RecommendationQuery
from serve_api.recommendations.followed_state import FollowedState
from serve_api.recommendations.item_rows import RecommendationList, choice_row
from serve_api.recommendations.metrics import RecommendationMetrics
from serve_api.recommendations.people import Found, People
from serve_api.recommendations.policies import AnswerPolicies, Way
from serve_api.recommendations.recorder import Recorder
from serve_api.recommendations.sites import Site
from serve_api.times import iso

_ID_BYTES = 16


@dataclass(frozen=True)
class Wanted:
    """One question, checked.

    Attributes:
        name: of the person, as `headrace.subjects.subject` makes it; None for nobody.
        seed: of what is left to chance; another one with each answer unless given.
    """

    site: str
    name: str | None
    query: RecommendationQuery
    seed: int | None = None


class Answering:
    """Answers; lives on the event loop. A part that is away is done without, and named in `degraded`."""

    def __init__(
        self,
        state: FollowedState,
        people: People,
        policies: AnswerPolicies,
        experiments: Experiments,
        recorder: Recorder,
        metrics: RecommendationMetrics,
        clock: Clock,
    ) -> None:
        self._state = state
        self._people = people
        self._policies = policies
        self._experiments = experiments
        self._recorder = recorder
        self._metrics = metrics
        self._clock = clock

    def is_erased(self, found: Found) -> bool:
        """Whether a subject that was found is erased by now."""
        return found.subject is not None and self._state.erased.is_erased(found.subject)

    async def find_subject(self, site: str, name: str | None) -> Found:
        """The subject of a name."""
        began = time.perf_counter()
        found = await self._people.find(site, name)
        self._metrics.time("subject", time.perf_counter() - began)
        return found

    async def answer(self, wanted: Wanted) -> RecommendationList:
        """Recommendations, recorded before they are given where Kafka is quick enough."""
        began = time.perf_counter()
        answer = await self.answer_for(wanted, await self.find_subject(wanted.site, wanted.name))
        self._metrics.time("whole", time.perf_counter() - began)
        return answer

    async def answer_for(self, wanted: Wanted, found: Found) -> RecommendationList:
        """As `answer`, where the subject was looked up before."""
        return await self.finish(self.prepare(wanted, found))

    def prepare(self, wanted: Wanted, found: Found) -> Prepared:
        """What would be answered now."""
        site, query, now = self._state.sites.of(wanted.site), wanted.query, self._clock.now_us()
        subject = None if found.subject is None or self._state.erased.is_erased(found.subject) else found.subject
        user = None if subject is None else self._known(wanted.site, subject)
        if self._is_left_alone(user):
            subject = user = None
        arms = {} if subject is None else self._experiments.arms_of(wanted.site, subject, query.surface, now)
        policy = self._policies.of(query.surface, "impersonal" if subject is None else "personal", arms, query.category)
        made = _Made(secrets.token_bytes(_ID_BYTES), now)
        recommended = self._recommend(site, query, user, policy, made, wanted.seed)
        away = self._away(site, recommended) | ({"subjects"} if found.is_away else set())
        return Prepared(wanted, site, subject, _kind(subject, user), arms, recommended, made, away)

    async def finish(self, prepared: Prepared) -> RecommendationList:
        """Records what was prepared, and gives the answer."""
        if prepared.subject is not None and not await self._record(prepared, prepared.subject):
            prepared.away.add("record")
        surface, degraded = prepared.wanted.query.surface, tuple(sorted(prepared.away))
        self._metrics.count(self._policies.label(surface), prepared.kind, degraded)
        prepared.site.quality.add(prepared.items)
        return _rows(prepared, degraded)

    def impersonal(self, site_name: str, way: Way, query: RecommendationQuery) -> RecommendationList:
        """What nothing need be known of anybody for, such as what is like an item; it isn't recorded."""
        site, made = self._state.sites.of(site_name), _Made(secrets.token_bytes(_ID_BYTES), self._clock.now_us())
        policy = self._policies.of(query.surface, way, {}, query.category)
        recommended = self._recommend(site, query, None, policy, made, 0)
        away = self._away(site, recommended)
        degraded = tuple(sorted(away))
        self._metrics.count(way, "impersonal", degraded)
        wanted = Wanted(site_name, None, query)
        return _rows(Prepared(wanted, site, None, "impersonal", {}, recommended, made, away), degraded)

    def _recommend(
        self,
        site: Site,
        query: RecommendationQuery,
        user: UserFeatures | None,
        policy: Policy,
        made: _Made,
        seed: int | None,
    ) -> Recommended:
        ask = Ask(
            user=user,
            surface=query.surface,
            count=query.count,
            now=made.now,
            policy=policy,
            seed=made.seed if seed is None else seed,
            about=query.about,
            exclude=tuple(query.exclude),
            context={} if query.age is None else {"age": float(query.age)},
        )
        began = time.perf_counter()
        recommender = site.recommender_of(None if user is None else user.subject)
        candidates = recommender.candidates(ask)
        have_candidates = time.perf_counter()
        found = recommender.answer(candidates)
        if len(found.items) < ask.count and len(found.items) < site.listed:
            found = self._filled_up(site, ask, found)
        self._metrics.time("candidates", have_candidates - began)
        self._metrics.time("rank", time.perf_counter() - have_candidates)
        return found

    def _is_left_alone(self, user: UserFeatures | None) -> bool:
        """Whether nothing may be personal: also where nobody can say whether the person consents."""
        if user is None:
            return not self._state.has_read_features() or self._state.users.has_forgotten_refusals
        return not user.consent or user.flagged

    def _known(self, site: str, subject: str) -> UserFeatures | None:
        try:
            return self._state.users.get(site, subject)
        except TerminalError:
            self._metrics.count_refused(FEATURES)
            return None

    def _away(self, site: Site, recommended: Recommended) -> set[str]:
        away = {*self._state.unread(), *recommended.degraded}
        return away if site.has_batch else away - {"batch"}

    def _filled_up(self, site: Site, ask: Ask, found: Recommended) -> Recommended:
        """With the newest items that may be shown, as of a rare category, or where there is no model yet."""
        more = replace(
            ask,
            policy=self._policies.newest_of(ask.policy),
            count=ask.count - len(found.items),
            exclude=(*ask.exclude, *(each.item for each in found.items)),
        )
        return replace(found, items=(*found.items, *site.recommender.recommend(more).items))

    async def _record(self, prepared: Prepared, subject: str) -> bool:
        wanted, recommended, made = prepared.wanted, prepared.recommended, prepared.made
        shown = tuple(
            ShownItem(each.item, each.score, each.source, each.explored, each.features) for each in recommended.items
        )
        record = Recommendation(
            made.id,
            wanted.site,
            subject,
            wanted.query.surface,
            made.now,
            shown,
            prepared.arms,
            dict(recommended.versions),
            tuple(sorted(prepared.away)),
            wanted.query.about,
        )
        began = time.perf_counter()
        is_recorded = await self._recorder.record(record)
        self._metrics.time("record", time.perf_counter() - began)
        return is_recorded


class _Made:
    """One answer's identity."""

    def __init__(self, content: bytes, now: int) -> None:
        self.id = base64.urlsafe_b64encode(content).decode().rstrip("=")
        self.seed = int.from_bytes(content[:7], "big")
        self.now = now


@dataclass(frozen=True)
class Prepared:
    """An answer that is not recorded yet.

    Attributes:
        subject: under which it is to be recorded; None where nothing is personal about it.
        away: the parts that are done without.
    """

    wanted: Wanted
    site: Site
    subject: str | None
    kind: str
    arms: dict[str, str]
    recommended: Recommended
    made: _Made
    away: set[str]

    @property
    def items(self) -> tuple[str, ...]:
        return tuple(each.item for each in self.recommended.items)


def _kind(subject: str | None, user: UserFeatures | None) -> str:
    if subject is None:
        return "impersonal"
    return "cold" if user is None or not user.recent else "personal"


def _rows(prepared: Prepared, degraded: tuple[str, ...]) -> RecommendationList:
    site, items = prepared.site, prepared.recommended.items
    return {
        "id": prepared.made.id,
        "surface": prepared.wanted.query.surface,
        "made": iso(prepared.made.now),
        "kind": prepared.kind,
        "items": [choice_row(at, each, site.find(each.item)) for at, each in enumerate(items)],
        "arms": prepared.arms,
        "versions": dict(prepared.recommended.versions),
        "degraded": list(degraded),
    }
