"""Films and users of one model: ids, catalogue, rating history and extras."""
