"""Random subject ids in place of user ids, a key for each, and their erasure."""
