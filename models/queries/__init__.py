"""All SQL: one function for each question or change, one file for each aggregate.

Every function takes the session first and the workspace's id by keyword; none commits.
"""
