"""A year of tickets of an invented company, with the truth behind them, made from a seed."""
