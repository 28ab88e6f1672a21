"""Turns what people do into features, sessions, lessons, exposures and experiments' sums, and learns the online model.

Reads: interactions.raw, recommendations.made, subjects.erased, interactions.lessons, interactions.exposures
Reads: process_interactions.changelog, process_interactions.learning.changelog
Writes: interactions.features, interactions.sessions, interactions.lessons, interactions.exposures
Writes: experiments.totals, recommendations.items, recommendations.models, deadletters
Writes: process_interactions.changelog, process_interactions.learning.changelog
"""
