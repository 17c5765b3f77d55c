"""Real processes, load and typos for tests and benchmarks."""
