"""Model versions: from the registry to the local store to the one that a worker serves."""
