"""The published tables, and ours beside them: what `movierec bench replicate` retrains, measures and writes down."""
