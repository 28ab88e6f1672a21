"""Turns raw payloads into clean readings, windows and anomalies, in event time and in each device's order.

Reads: readings.raw, anomalies.feedback, devices.registry, process_readings.changelog
Writes: readings.clean, readings.late, readings.windows, readings.anomalies, devices.registry, deadletters
Writes: process_readings.changelog
"""
