"""Everything both programs know: tables, queries, and the rooms of pure code."""
