"""Buckets of many addresses are bounded."""

from serve_api.clients.token_bucket import BucketsByAddress, Rate


def test_the_address_that_asked_longest_ago_leaves_first() -> None:
    buckets = BucketsByAddress(Rate(1, 1), 3)
    for address in "abc":
        assert buckets.of(address, 0.0).take(0.0) == 0
    assert buckets.of("a", 0.0).take(0.0) == 1
    for address in "de":
        buckets.of(address, 0.0)
    assert len(buckets) == 3
    assert buckets.of("a", 0.0).take(0.0) == 1, "it asked lately, so it is still known"
