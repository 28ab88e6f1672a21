"""Writes readings, windows, anomalies, the device registry and the rows of sources to Cassandra, as idempotent upserts.

Reads: readings.clean, readings.late, readings.windows, readings.anomalies, devices.registry
Reads: sources.schemas, and the topics sources.* that sources have of their own
Writes: Cassandra tables readings, latest, windows, anomalies_by_device, anomalies_by_hour, devices, source_*
Writes: deadletters
"""
