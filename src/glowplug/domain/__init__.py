"""Frozen values and enums that every floor shares.  No I/O, no clocks."""
