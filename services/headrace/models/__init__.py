"""What the maker of a model and those who run it share: its artifact, and the records about it."""
