"""How models are judged: protocols, metrics with intervals, paired comparisons and pictures."""
