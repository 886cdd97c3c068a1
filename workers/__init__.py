"""When things run: one file a stage, and the only place that loads torch."""
