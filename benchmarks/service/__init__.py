"""Benchmarks of the running service and its web page: speed, reliability, chaos."""
