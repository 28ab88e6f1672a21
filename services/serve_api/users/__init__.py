"""What is held about a person: shown to them, erased, and whether it may be used."""
