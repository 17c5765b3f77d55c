"""The HTTP application: checks, admission, routes, metrics."""
