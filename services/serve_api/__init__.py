"""The HTTP API: devices, latest values, readings, windows, anomalies, both live streams, and pushes to sources.

Reads: Cassandra (readings, latest, windows, anomalies, devices), Kafka readings.clean and readings.anomalies (live).
Writes: Kafka devices.registry and sources.pushed.
"""
