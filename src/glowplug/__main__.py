"""`python -m glowplug` is the `glowplug` command."""

from glowplug.cli.main import command_line

if __name__ == "__main__":
    command_line()
