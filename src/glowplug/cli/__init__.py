"""The `glowplug` command: one verb per file."""
