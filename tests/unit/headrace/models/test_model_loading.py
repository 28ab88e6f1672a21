"""Promotions are worked off beside their users: the newest of each model, and again where that can help."""

import threading
from collections.abc import Iterator

import pytest

from headrace.models.model_loading import ModelLoading
from headrace.models.records import Change, ModelVersion, Promotion, Withdrawal
from headrace.testing import wait_until

SOON = 0.02


class Work:
    """What was worked off, at a pace that the test gives."""

    def __init__(self) -> None:
        self.done: list[tuple[str, int]] = []
        self.undone: dict[int, float] = {}
        """Revision → seconds until it is to be tried again."""
        self.may_go_on = threading.Event()
        self.begun = threading.Event()
        self.failures: list[BaseException] = []
        self.error: Exception | None = None
        self.may_go_on.set()
        self.loading = ModelLoading(self._apply, self.failures.append)

    def _apply(self, change: Change) -> float | None:
        self.begun.set()
        self.may_go_on.wait(10)
        if self.error is not None:
            raise self.error
        revision = 0 if isinstance(change, Withdrawal) else change.revision
        self.done.append((change.name, revision))
        return self.undone.get(revision)

    def times(self, revision: int, name: str = "usage") -> int:
        return self.done.count((name, revision))


@pytest.fixture
def work() -> Iterator[Work]:
    work = Work()
    yield work
    work.may_go_on.set()
    work.loading.stop()


def promotion(revision: int, name: str = "usage") -> Promotion:
    return Promotion(name, revision, ModelVersion(revision, "", ""), 1)


def test_of_promotions_that_wait_only_the_newest_of_a_model_is_loaded(work: Work) -> None:
    for revision in range(1, 4):
        work.loading.take(promotion(revision))
    work.loading.take(promotion(9, "other"))
    work.loading.start()
    assert work.loading.wait_until_idle(10)
    assert work.done == [("usage", 3), ("other", 9)]


def test_nobody_waits_for_a_load(work: Work) -> None:
    work.may_go_on.clear()
    work.loading.start()
    work.loading.take(promotion(1))
    assert work.begun.wait(10)
    work.loading.take(promotion(2))
    work.loading.take(promotion(3))
    assert not work.loading.wait_until_idle(0.01)
    work.may_go_on.set()
    assert work.loading.wait_until_idle(10)
    assert work.done == [("usage", 1), ("usage", 3)]


def test_what_is_not_done_is_tried_again_until_it_is(work: Work) -> None:
    work.undone = {1: SOON, 9: SOON}
    work.loading.start()
    work.loading.take(promotion(1))
    wait_until(lambda: work.times(1) >= 3, "more tries", timeout=10, every=0.005)
    work.undone = {9: SOON}
    last = work.times(1) + 1
    work.loading.take(promotion(9, "other"))
    wait_until(lambda: work.times(9, "other") >= 4, "tries of another model", timeout=10, every=0.005)
    assert work.times(1) <= last


def test_a_newer_promotion_takes_the_place_of_one_that_is_tried_again(work: Work) -> None:
    work.undone = {1: SOON, 9: SOON}
    work.loading.start()
    work.loading.take(promotion(1))
    wait_until(lambda: work.times(1), "a try", timeout=10, every=0.005)
    work.loading.take(promotion(2))
    work.loading.take(promotion(9, "other"))
    wait_until(lambda: work.times(9, "other") >= 4, "tries of another model", timeout=10, every=0.005)
    assert work.times(2) == 1
    assert ("usage", 1) not in work.done[work.done.index(("usage", 2)) :]


def test_each_is_tried_again_at_its_own_time(work: Work) -> None:
    work.undone = {1: 60.0, 9: SOON}
    work.loading.start()
    work.loading.take(promotion(1))
    work.loading.take(promotion(9, "other"))
    wait_until(lambda: work.times(9, "other") >= 4, "tries of another model", timeout=10, every=0.005)
    assert work.times(1) == 1


def test_a_withdrawal_takes_the_place_of_a_promotion_that_waits_or_is_tried_again(work: Work) -> None:
    work.undone = {1: SOON, 9: SOON}
    work.loading.take(promotion(2))
    work.loading.take(Withdrawal("usage"))
    work.loading.start()
    assert work.loading.wait_until_idle(10)
    assert work.done == [("usage", 0)]
    work.loading.take(promotion(1))
    wait_until(lambda: work.times(1), "a try", timeout=10, every=0.005)
    work.loading.take(Withdrawal("usage"))
    work.loading.take(promotion(9, "other"))
    wait_until(lambda: work.times(9, "other") >= 4, "tries of another model", timeout=10, every=0.005)
    assert work.times(0) == 2
    assert ("usage", 1) not in work.done[work.done.index(("usage", 0), 1) :]


def test_an_error_ends_it_and_is_told(work: Work) -> None:
    work.error = RuntimeError("a bug")
    work.loading.start()
    work.loading.take(promotion(1))
    wait_until(lambda: work.failures == [work.error], "the failure", timeout=10)
    assert work.loading.wait_until_idle(10), "who waits is let go"
