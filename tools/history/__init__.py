"""A past that nobody had: a ledger of millions of requests, and how long the pages of the UI wait for it."""
