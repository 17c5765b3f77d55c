"""Train: plan, evaluate, refit, record."""
