"""The gate between a registered version and the champion alias."""
