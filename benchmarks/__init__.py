"""Measurements of quality, speed and reliability, each run by `movierec bench`."""
