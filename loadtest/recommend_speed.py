"""What one recommendation and one lesson cost, in CPU time: `make bench NAME=recommend_speed`.

A made-up shop of 50,000 items, whose popularity falls as 1 / rank, and 20,000 people; every source is on.
"""

from __future__ import annotations

import time

import numpy as np
from rich.console import Console

from headrace.interactions.lessons import lesson_of
from headrace.interactions.records import Exposure, Interaction, Item, Session, UserFeatures
from headrace.interactions.user_features import taken
from headrace.recommend.asked import Ask
from headrace.recommend.batch_model import BatchModel, ItemFactors, ItemScores
from headrace.recommend.catalog import Catalog
from headrace.recommend.learner import Learner
from headrace.recommend.online_model import OnlineModel
from headrace.recommend.policy import Policy
from headrace.recommend.ranking_features import FEATURES
from headrace.recommend.recommender import Recommender
from headrace.recommend.session_index import SessionIndex
from loadtest import results

ITEMS, PEOPLE, LESSONS, QUESTIONS, EXPOSURES = 50_000, 20_000, 60_000, 2_000, 20_000
SITE = "shop"
START = 1_790_000_000_000_000
_SECOND = 1_000_000


def main() -> None:
    """Teaches, asks and prints."""
    console = Console(highlight=False, width=120)
    random = np.random.Generator(np.random.PCG64(1))
    catalog = Catalog()
    for number in range(ITEMS):
        tags = (f"brand{number % 300}", f"colour{number % 11}")
        catalog.put(Item(SITE, f"i{number}", START, title=f"thing {number}", category=f"c{number % 40}", tags=tags))
    online, sessions, learner = OnlineModel(catalog), SessionIndex(catalog), Learner(SITE)
    users, lessons_us = _taught(learner, sessions, random)
    began = time.process_time()
    model, rows = learner.publish(1, START + LESSONS * _SECOND, 2_000)
    published_us = (time.process_time() - began) / len(rows) * 1e6
    for row in [*rows, *learner.publish(2, START + LESSONS * _SECOND, 1_000_000)[1]]:
        online.apply_item(row)
    online.apply_version(model)
    figures: dict[str, object] = {
        "lesson_us": lessons_us,
        "lessons_per_s": round(1e6 / lessons_us),
        "published_row_us": published_us,
        "exposure_us": _exposed(learner, random),
    }
    for form in ("scores", "factors"):
        recommender = Recommender(catalog, online, sessions, _batch(form, random))
        figures[f"recommendation_us_with_batch_{form}"] = _asked(recommender, users)
    console.print(figures)
    results.write("recommend_speed", "make bench NAME=recommend_speed", figures)


def _taught(
    learner: Learner, sessions: SessionIndex, random: np.random.Generator
) -> tuple[dict[str, UserFeatures], float]:
    """Everybody's features, and CPU µs a lesson."""
    shares = 1 / np.arange(1, ITEMS + 1)
    chosen = random.choice(ITEMS, LESSONS, p=shares / shares.sum())
    users: dict[str, UserFeatures] = {}
    lessons = []
    for number, item in enumerate(chosen.tolist()):
        # People come back, and for what is near what they had.
        subject = f"s{number // 3 % PEOPLE}"
        at = START + number * _SECOND
        view = Interaction(str(number), SITE, subject, "view", at, at, f"i{(item + number // 3 % 7) % ITEMS}")
        lessons.append(lesson_of(users.get(subject), view))
        users[subject] = taken(users.get(subject), view, at)
    for subject, user in users.items():
        sessions.put(Session(SITE, subject, user.session, user.updated, 2, user.session_items))
    began = time.process_time()
    for lesson in lessons:
        if lesson is not None:
            learner.learn(lesson)
    return users, (time.process_time() - began) / LESSONS * 1e6


def _exposed(learner: Learner, random: np.random.Generator) -> float:
    table = random.random((EXPOSURES, len(FEATURES)))
    exposures = [
        Exposure("r", SITE, "s", "home", "i1", number % 10, "trending", False, tuple(row), START, START, START)
        for number, row in enumerate(table.tolist())
    ]
    began = time.process_time()
    for each in exposures:
        learner.learn_exposure(each)
    return (time.process_time() - began) / EXPOSURES * 1e6


def _asked(recommender: Recommender, users: dict[str, UserFeatures]) -> dict[str, float]:
    now = START + LESSONS * _SECOND
    policy = Policy()
    subjects = list(users)
    took, candidates = [], []
    for number in range(QUESTIONS):
        user = users[subjects[number * 7 % len(subjects)]]
        ask = Ask(user, "home", 10, now, policy, number)
        began = time.process_time_ns()
        recommender.recommend(ask)
        took.append((time.process_time_ns() - began) / 1e3)
        if number % 50 == 0:
            candidates.append(len(recommender.candidates(ask).numbers))
    return {
        "mean": round(float(np.mean(took)), 1),
        "median": round(float(np.quantile(took, 0.5)), 1),
        "p99": round(float(np.quantile(took, 0.99)), 1),
        "candidates": round(float(np.mean(candidates)), 1),
    }


def _batch(form: str, random: np.random.Generator) -> BatchModel:
    names = tuple(f"i{number}" for number in range(ITEMS))
    if form == "scores":
        columns = random.integers(0, ITEMS, (ITEMS, 50)).astype(np.int32)
        return ItemScores(1, names, columns, random.random((ITEMS, 50)).astype(np.float32))
    return ItemFactors(1, names, (random.normal(size=(ITEMS, 64)) / 8).astype(np.float32), 5.0, 0.05)


if __name__ == "__main__":
    main()
