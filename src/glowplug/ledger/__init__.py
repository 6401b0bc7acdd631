"""Exact accounting: the workers' journal and the fold into the database."""
