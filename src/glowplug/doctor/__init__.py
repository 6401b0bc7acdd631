"""Finds every known way in which an installation rots, shows the evidence, and repairs it so that it can be undone."""
