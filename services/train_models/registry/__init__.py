"""Versions of models: artifacts, MLflow, promotion."""
