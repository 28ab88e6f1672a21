"""Experiments as they stand: their sums, followed from Kafka, and the results of them."""
