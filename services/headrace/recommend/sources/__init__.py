"""Sources of candidates: each finds items for a situation, and can be left out or replaced."""
