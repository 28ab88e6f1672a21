"""What a request with many events or items counts for towards its client's rate."""

EACH = 50


def extra_cost(count: int) -> float:
    """The requests that it counts for besides the one that it is: one for each 50 after the first."""
    return (count - 1) // EACH
