"""Reference data for the rule `lookup`: files, compacted topics and tables of databases, as they are now."""
