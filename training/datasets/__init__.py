"""Data sets: where they come from, how each format is read, how it is cleaned, and where the result is stored."""
