"""Content-based models: items by their features."""
