"""Parameters and answers of the HTTP API."""
