"""What commands share: inputs, tables, progress, and the servers that they start."""
