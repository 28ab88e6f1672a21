"""What an interaction is worth: the one scale on which kinds are compared."""

from headrace.interactions.records import Interaction, Kind

WEIGHTS: dict[Kind, float] = {"view": 1.0, "click": 1.5, "cart": 3.0, "purchase": 5.0}
FULL_DWELL_S = 60.0
"""A dwell that long is worth as much as one can be."""
FULL_DWELL = 2.0
NEUTRAL_RATING = 5.0
"""Of 0 to 10; one up to here says nothing in favour of the item, and 10 is worth a purchase."""


def weight_of(interaction: Interaction) -> float:
    """From 0, for what says nothing in favour of an item, to 5, for a purchase or the best rating.

    How often something was bought doesn't count: taking three is no stronger preference than taking one.
    """
    value = interaction.value or 0.0
    if interaction.kind == "dwell":
        return FULL_DWELL * min(1.0, max(0.0, value) / FULL_DWELL_S)
    if interaction.kind == "rating":
        return max(0.0, value - NEUTRAL_RATING)
    return WEIGHTS.get(interaction.kind, 0.0)
