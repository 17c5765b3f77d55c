"""Data sets of one's own: tables of interactions and items in any format, described by a YAML file."""
