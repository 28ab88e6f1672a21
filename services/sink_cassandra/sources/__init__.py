"""Writes the rows of sources that have a topic of their own, `sources.NAME`, each to a table of its own."""
