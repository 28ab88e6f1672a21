"""Writes readings, windows, anomalies, devices, what is about persons, and rows of sources to Cassandra, as upserts.

Reads: readings.clean, readings.late, readings.windows, readings.anomalies, anomalies.feedback, devices.registry
Reads: interactions.raw, recommendations.made, subjects.erased
Reads: sources.schemas, and the topics sources.* that sources have of their own
Writes: Cassandra tables readings, latest, windows, anomalies_by_device, anomalies_by_hour, anomalies_by_id, devices
Writes: Cassandra tables source_*, subject_records, and by its migrations subjects
Writes: deadletters
"""
