"""Numbers only: from a series and a release to a verdict."""
