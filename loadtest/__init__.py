"""Devices that load the pipeline, the checker of what it stored, fault runs and benchmarks; no part of the services."""
