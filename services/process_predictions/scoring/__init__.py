"""Scores the rows of topics by trained models, as the API scores requests."""
