"""Frozen values that the rooms of pure code share."""
