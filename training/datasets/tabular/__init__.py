"""User-defined data sets: tables of interactions and items in any format, described by a YAML file."""
