"""A watched folder: which files are whole, how one is taken and loaded once, and where it goes then."""
