"""Reads files: each in a child process of its own with limits, as a stream, by row number."""
