"""Recommendations, items and events by GraphQL: what the REST routes do, in one request, within limits."""
