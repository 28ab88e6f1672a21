"""Models that learn from the stream that they predict, a state of their own for each metric of each device."""
