"""Answers as JSON bytes."""
