"""Settings of all unit tests."""

from hypothesis import settings

# A shared machine stalls for longer than hypothesis' 200 ms; how fast code is, benchmarks show.
settings.register_profile("shared-machine", deadline=None)
settings.load_profile("shared-machine")
