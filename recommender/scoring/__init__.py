"""Scorers built from specs and arrays, fold-in of new users, and ranking."""
