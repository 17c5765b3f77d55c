"""Item-to-item weights: neighbours and EASE."""
