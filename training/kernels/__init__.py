"""Compiled loops; each releases the interpreter lock, so that plain threads run them in parallel."""
