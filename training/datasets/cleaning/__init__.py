"""Check and clean the raw tables."""
