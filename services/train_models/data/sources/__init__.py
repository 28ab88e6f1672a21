"""Rows as record batches, one module per place that they come from."""
