"""Bridges an MQTT broker to Kafka: acknowledges a message only after Kafka has it, in the order of arrival.

Reads: MQTT topics of `deploy/routes.yaml`, subjects.erased
Writes: readings.raw, interactions.raw, deadletters, MQTT response topics
"""
