"""Sections of `movierec bench loop` about experiments."""
