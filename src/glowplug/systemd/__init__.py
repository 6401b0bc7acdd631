"""Ourselves as units of systemd: what they say, whether they are there, putting them there and taking them away."""
