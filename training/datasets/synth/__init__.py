"""Generate synthetic data sets of any size in the format of MovieLens 25M, with structure for models to find."""
