"""Rows of a training: read, frozen, joined as of their time, and looked through for leaks."""
