"""Clients of the API: their keys, scopes and rates, and for whom they may act."""
