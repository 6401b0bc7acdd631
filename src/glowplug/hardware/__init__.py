"""Readings of this machine.  Unknown is a value."""
