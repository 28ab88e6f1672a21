"""Changes of one table of a PostgreSQL, by logical replication: each once, in the order of their commits."""
