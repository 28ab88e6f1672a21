"""Writes readings, windows, anomalies and the device registry to Cassandra, as idempotent upserts.

Reads: readings.clean, readings.late, readings.windows, readings.anomalies, devices.registry
Writes: Cassandra tables readings, latest, windows, anomalies_by_device, anomalies_by_hour, devices; deadletters
"""
