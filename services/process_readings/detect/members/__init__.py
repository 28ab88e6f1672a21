"""The looks at a series of which an ensemble is made: each says how far a reading is from what it knows."""
