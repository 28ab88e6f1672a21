"""The stage of subjects: one task knows everything of its subjects, and nothing of others."""
