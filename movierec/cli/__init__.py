"""The `movierec` command: thin, one module per group of commands, each imported only when its command runs."""
