"""Promotion: the gate that a registered version must pass before it becomes champion."""
