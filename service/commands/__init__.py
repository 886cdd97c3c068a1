"""The `ebb` command, one file for each family."""
