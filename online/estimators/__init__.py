"""Estimates that may be looked at at any time: their error rates hold for all looks together."""
