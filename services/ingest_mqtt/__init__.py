"""Bridges an MQTT broker to Kafka: acknowledges a message only after Kafka has it, in the order of arrival.

Reads: MQTT topics of `deploy/routes.yaml`
Writes: readings.raw, deadletters, MQTT response topics
"""
