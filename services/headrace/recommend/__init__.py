"""The recommender: candidates from several sources, a ranker over them, and how both learn. No Kafka, no HTTP."""
