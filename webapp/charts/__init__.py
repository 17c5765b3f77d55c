"""Interactive charts: typed figures in, altair charts out."""
