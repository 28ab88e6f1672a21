"""Recommendations: what is followed in memory, how a request is answered, and what is watched live."""
