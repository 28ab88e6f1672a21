"""The HTTP API: devices, latest values, readings, windows, anomalies, live streams, pushes to sources, and predictions.

Reads: Cassandra (readings, latest, windows, anomalies, devices); readings.clean, readings.anomalies, models.promoted.
Writes: devices.registry, sources.pushed, predictions.made and predictions.outcomes.
"""
