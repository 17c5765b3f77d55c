"""Processed data sets on disk: their files, their manifest, and how they were made."""
