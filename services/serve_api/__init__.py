"""The HTTP API: devices, latest values, readings, windows, anomalies, and both live streams.

Reads: Cassandra (readings, latest, windows, anomalies, devices), Kafka readings.clean and readings.anomalies (live).
Writes: Kafka devices.registry.
"""
