"""Items by what they are about."""
