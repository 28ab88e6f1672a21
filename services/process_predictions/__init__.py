"""Predicts from streams: each metric's next hour by models that go on learning, and rows of topics by trained models.

Reads: readings.windows, models.promoted, process_predictions.changelog, and the topics that model files name
Writes: predictions.made, predictions.outcomes, deadletters, process_predictions.changelog
"""
