"""The kernel shared by training and serving: identities, the model bundle, scoring, ranking and explanations."""
