"""How good a model is, and whether it is better: metrics, intervals, tests, plots, the report."""
