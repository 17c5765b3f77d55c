"""The front door: the `movierec` command."""
