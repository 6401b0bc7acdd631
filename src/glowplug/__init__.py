"""Glowplug: one always-on endpoint in front of every model a person or a small team has."""

__version__ = "0.1.0"
