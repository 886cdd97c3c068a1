"""HTTP, the console and the `ebb` command: check, call, shape the answer; never a language model."""
