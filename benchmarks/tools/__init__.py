"""Tools that benchmarks share: figures, timing, synthetic twins, commands, peers, the load generator."""
