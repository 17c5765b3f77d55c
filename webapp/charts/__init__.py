"""Interactive altair charts from the client's typed answers."""
