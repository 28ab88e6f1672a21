"""Promoted models are loaded and answer requests; what they say is in Kafka before it is answered."""
