"""The records about what people do: interactions, items, features, recommendations and what came of them.

Times are microseconds since 1970-01-01 UTC. A subject is a random id in place of a user or an anonymous session; it is
the key of everything about one person, so that all of it is in one partition and goes with one erasure.
"""

from typing import Literal

import msgspec

RAW = "interactions.raw"
ITEMS = "items.catalog"
ERASED = "subjects.erased"
FEATURES = "interactions.features"
SESSIONS = "interactions.sessions"
LESSONS = "interactions.lessons"
EXPOSURES = "interactions.exposures"
MADE = "recommendations.made"
ITEM_MODELS = "recommendations.items"
RECOMMENDERS = "recommendations.models"
TOTALS = "experiments.totals"

Kind = Literal["view", "click", "cart", "purchase", "rating", "dwell", "impression", "consent"]
Attribute = str | float | bool


class Interaction(msgspec.Struct, omit_defaults=True, gc=False):
    """One thing that one person did: `interaction.v1`. Identity is (site, subject, id).

    `id` is the sender's, or made by the edge, which then can't promise more than at least once. `value` is the rating
    (0 to 10), the seconds of a dwell, or what a purchase cost in the shop's currency. `consent` is set where `kind` is
    consent: whether the person lets us personalise. `recommendation` and `position` (from 0) say in which answer the
    item was shown. `personal` is what of the context is personal, encrypted with the subject's key; `context` is the
    rest.
    """

    id: str
    site: str
    subject: str
    kind: Kind
    time: int
    received: int
    item: str | None = None
    value: float | None = None
    quantity: int = 1
    session: str | None = None
    recommendation: str | None = None
    position: int | None = None
    consent: bool | None = None
    context: dict[str, Attribute] = {}
    personal: str | None = None
    flags: tuple[str, ...] = ()


class Item(msgspec.Struct, omit_defaults=True, gc=False):
    """What can be recommended: `item.v1`, in the compacted topic `items.catalog` under `site/item`.

    `tags` are words that likeness is told by, such as genres or brands. `min_age` is in years.
    """

    site: str
    item: str
    updated: int
    title: str = ""
    category: str | None = None
    tags: tuple[str, ...] = ()
    price: float | None = None
    image: str | None = None
    available: bool = True
    min_age: int | None = None
    created: int | None = None
    attributes: dict[str, Attribute] = {}


class Erasure(msgspec.Struct, frozen=True):
    """A subject that is erased: `erasure.v1`, in the compacted topic `subjects.erased`.

    Whoever reads records of a subject skips those of an erased one.
    """

    site: str
    subject: str
    erased: int


class Recent(msgspec.Struct, array_like=True, gc=False):
    """The newest interaction of a person with an item; `weight` is what it is worth (`interactions.weights`).

    After a purchase or a rating other kinds only move `time`.
    """

    item: str
    kind: Kind
    time: int
    weight: float


class UserFeatures(msgspec.Struct, omit_defaults=True, gc=False):
    """What is known of a subject: `user_features.v1`, in the compacted topic `interactions.features`.

    `recent` are the last items, each once, the newest last; `session_items` those of the running session, the oldest
    first; `bought` the newest last. `decayed` are counts by kind that halve every seven days, as of `updated`.
    `revision` grows with each interaction that was taken; `appended` is the append time of the newest of them. Without
    `consent`, or where `flagged` as no person, nothing else is kept.
    """

    site: str
    subject: str
    revision: int
    updated: int
    appended: int
    first_seen: int
    recent: tuple[Recent, ...] = ()
    session: int = 0
    session_items: tuple[str, ...] = ()
    bought: tuple[str, ...] = ()
    counts: dict[str, int] = {}
    decayed: dict[str, float] = {}
    consent: bool = True
    flagged: bool = False


class Session(msgspec.Struct, omit_defaults=True, gc=False):
    """The items of one visit, in order, each once: `session.v1`; the highest `revision` of (subject, start) counts.

    One without items takes back what was said before.
    """

    site: str
    subject: str
    start: int
    last: int
    revision: int
    items: tuple[str, ...]
    final: bool = False


class Lesson(msgspec.Struct, omit_defaults=True, gc=False):
    """What a model across all people learns from one interaction: `lesson.v1`.

    `before` are the person's recent items before this one, the newest last, with their times. A lesson of kind `forget`
    takes back what `before` taught, because the subject was erased.
    """

    site: str
    subject: str
    time: int
    kind: Literal["interaction", "forget"]
    item: str | None = None
    weight: float = 0.0
    interaction: Kind | None = None
    before: tuple[Recent, ...] = ()
    is_new: bool = False


class ShownItem(msgspec.Struct, omit_defaults=True, array_like=True, gc=False):
    """One item of an answer, with the features it was ranked by, in the order that the ranker of that version names."""

    item: str
    score: float
    source: str
    explored: bool
    features: tuple[float, ...]


class Recommendation(msgspec.Struct, omit_defaults=True, gc=False):
    """One answer as it was given: `recommendation.v1`, written before it is answered.

    `arms` are experiment → arm. `versions` say which model of each kind ranked it. `degraded` names the parts that were
    away. `about` is the item that it was asked for, as on an item's page.
    """

    id: str
    site: str
    subject: str
    surface: str
    made: int
    items: tuple[ShownItem, ...]
    arms: dict[str, str] = {}
    versions: dict[str, int] = {}
    degraded: tuple[str, ...] = ()
    about: str | None = None


class Exposure(msgspec.Struct, omit_defaults=True, gc=False):
    """What came of one item that was shown, once it can be known: `exposure.v1`.

    `seen` is when its impression came, or None where only the answer is known. `reward` is the weight of the best that
    followed within the attribution window, 0 for nothing.
    """

    recommendation: str
    site: str
    subject: str
    surface: str
    item: str
    position: int
    source: str
    explored: bool
    features: tuple[float, ...]
    made: int
    closed: int
    seen: int | None = None
    clicked: bool = False
    carted: bool = False
    bought: bool = False
    reward: float = 0.0
    arms: dict[str, str] = {}
    versions: dict[str, int] = {}


class Neighbour(msgspec.Struct, array_like=True, gc=False):
    """An item that goes with another, and how much."""

    item: str
    score: float


class ItemModel(msgspec.Struct, omit_defaults=True, gc=False):
    """What the online model knows of an item: `item_model.v1`, in `recommendations.items` under `site/item`.

    `count` is how many people-weighted interactions it has had, `decayed` the same with each half-life of
    the model, as of `updated`. `vector` is its factor, `bias` its bias.
    """

    site: str
    item: str
    version: int
    updated: int
    count: float
    decayed: tuple[float, ...]
    neighbours: tuple[Neighbour, ...] = ()
    vector: tuple[float, ...] = ()
    bias: float = 0.0
    first_seen: int = 0


class Arm(msgspec.Struct, array_like=True, gc=False):
    """What exploration knows of one source of candidates: its Beta distribution."""

    source: str
    successes: float
    failures: float


class RecommenderModel(msgspec.Struct, omit_defaults=True, gc=False):
    """A version of the online model, published with the item models that changed: `recommender_model.v1`, by site.

    `weights`, `means` and `scales` are the ranker's, in the order of `features`; `position_weights` those of places
    from 0. `learned` counts the lessons and exposures in it. `cost` is what exploration cost: the reward of a place
    that the ranker kept, less that of one that was explored.
    """

    site: str
    version: int
    published: int
    learned: int
    features: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    means: tuple[float, ...] = ()
    scales: tuple[float, ...] = ()
    intercept: float = 0.0
    position_weights: tuple[float, ...] = ()
    arms: tuple[Arm, ...] = ()
    half_lives: tuple[float, ...] = ()
    cost: float = 0.0
    explored: int = 0


class Sums(msgspec.Struct, array_like=True, gc=False):
    """Exact sums of a metric over people, as integers: n, of y, y², the covariate x, x², and xy."""

    n: int = 0
    y: int = 0
    yy: int = 0
    x: int = 0
    xx: int = 0
    xy: int = 0


class ExperimentTotals(msgspec.Struct, omit_defaults=True, gc=False):
    """One task's sums of one arm: `experiment_totals.v1`, in `experiments.totals` under `experiment/arm/partition`."""

    site: str
    experiment: str
    revision: int
    arm: str
    partition: int
    updated: int
    enrolled: int
    metrics: dict[str, Sums] = {}
