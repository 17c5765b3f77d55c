"""Measurements behind every published figure: quality, speed and reliability, each run by `movierec bench`."""
