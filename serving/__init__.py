"""The service: a puller keeps the last good model version on disk and workers answer from exactly that copy."""
