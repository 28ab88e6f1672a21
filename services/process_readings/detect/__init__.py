"""Online anomaly detectors, one object per device and metric: pure, causal, with River's interface."""
