"""The kernel shared by training and serving: films, titles, the model bundle, scoring, ranking and explanations."""
