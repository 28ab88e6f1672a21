"""Takes rows from where they are, validates and cleanses them, and writes them to Kafka once.

Reads: sources.ledger, sources.schemas, sources.reports, sources.pushed, subjects.erased, and what each file of
`deploy/sources` names.
Writes: readings.raw, interactions.raw, items.catalog, deadletters, sources.ledger, sources.schemas, sources.reports,
and the topics sources.* that the configurations name.
"""
