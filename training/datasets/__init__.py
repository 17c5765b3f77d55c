"""Data sets: fetch, read, clean and store them."""
