"""Arrays and strings only: clean, redact, kind, themes, labels, links."""
