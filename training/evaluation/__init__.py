"""Evaluation of models: metrics with intervals, paired comparisons, differences of lists, and figures."""
