"""Which algorithm, with which parameters and threshold: splits, search, calibration."""
