"""Which targets a request tries, in which order, and whether it may: pure."""
