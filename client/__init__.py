"""The HTTP API's answer types and a typed client."""
