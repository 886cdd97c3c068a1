"""Simulated complaint series with known truth, the methods that are held against ours, and how both are scored."""
