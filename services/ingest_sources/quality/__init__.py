"""What a run of a source brought, how that differs from the runs before, and how it is shown."""
