"""The two small models that come with Glowplug, so that the demo and the tests have something real to serve."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def model_path(name: str) -> Path:
    """The file of a shipped model: `chat-demo` or `embed-demo`."""
    path = Path(str(files(__name__) / f"{name}.gguf"))
    if not path.is_file():
        raise FileNotFoundError(f"no demo model named {name!r}: {path}")
    return path
