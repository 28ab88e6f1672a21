"""The share of the traffic that a canary gets."""

import pytest

from headrace.models.shares import share_of


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_a_share_of_ids_is_that_share_and_another_one_for_another_model(share: float) -> None:
    ids = [f"order-{number}" for number in range(20_000)]
    churn = {each for each in ids if share_of("churn", each) < share}
    fraud = {each for each in ids if share_of("fraud", each) < share}
    assert len(churn) / len(ids) == pytest.approx(share, abs=0.01)
    assert len(churn & fraud) / len(ids) == pytest.approx(share**2, abs=0.01)


def test_an_id_is_always_in_the_same_place() -> None:
    # Any process, now or later, has to choose the same version.
    assert share_of("churn", "order-1") == pytest.approx(0.28015565217890376)
