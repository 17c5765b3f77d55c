"""Scorer specs and arrays to scores and ranked lists."""
