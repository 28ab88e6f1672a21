"""HTTP APIs that answer in JSON, asked by a schedule."""
