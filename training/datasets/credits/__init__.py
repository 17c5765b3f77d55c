"""Who made a film: tables of credits, and articles about films that complete them."""
