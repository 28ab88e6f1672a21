"""The standard job on other engines, each written as its own documentation advises, in an environment of its own.

Each program reads a topic from its start and, when it has seen a number of readings, prints one line of JSON about the
time between the first and the last of them, and ends: `{"readings": …, "seconds": …, "cpu_seconds": …}`.
"""
