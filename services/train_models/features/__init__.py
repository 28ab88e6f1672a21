"""From raw columns to what an algorithm takes: the first steps of the fitted object."""
