"""From raw ratings to a registered model version: data sets, models, evaluation, tracking and promotion."""
