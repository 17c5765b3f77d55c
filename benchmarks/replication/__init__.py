"""Sections of docs/results.md: published tables and our figures, measured by `movierec bench replicate`."""
