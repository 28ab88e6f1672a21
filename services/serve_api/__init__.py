"""The HTTP API: devices and their readings, live streams, pushes, predictions, events, recommendations, experiments.

It holds what recommendations need in memory, from the topics.

Reads: Cassandra (readings, latest, windows, anomalies, devices, subjects); readings.clean, readings.anomalies.
Reads: models.promoted, items.catalog, subjects.erased, interactions.features, interactions.sessions.
Reads: recommendations.items, recommendations.models, experiments.totals.
Writes: devices.registry, anomalies.feedback, sources.pushed, predictions.made and predictions.outcomes.
Writes: interactions.raw, items.catalog, subjects.erased and recommendations.made.
"""
