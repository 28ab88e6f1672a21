"""Makes models of rows that are replayed, judges and registers them, and says which of them answer.

Reads: every topic that a model file names, models.promoted, predictions.made, predictions.outcomes.
Reads: interactions.raw, interactions.features, items.catalog, subjects.erased.
Writes: models.promoted.
"""
