"""Experiments: what their files say, who is in which arm, and statistics that may be looked at any time."""
