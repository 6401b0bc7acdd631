"""What the tests of clients are told to connect."""

from __future__ import annotations

import json
from pathlib import Path

from glowplug.connect.base import Edit, Home, Model, Recipe, Wanted
from glowplug.connect.merge import apply, read

KEY = "gp-test-0123456789abcdefghijklmnop"
WANTED = Wanted("http://127.0.0.1:4000", KEY, (Model("qwen3-30b-a3b", 65_536, 8192), Model("gemma-12b")))
HOME = Home(Path("/srv/ann"))


def says(edit: Edit) -> str:
    """What a new file would say, as JSON."""
    return json.dumps(read(apply("", edit), edit.form))


def everything(recipe: Recipe) -> str:
    """All the words of a recipe."""
    words = [*map(says, recipe.edits), *(f"{name}={value}" for name, value in recipe.env)]
    return "\n".join([*words, *(text.text for text in recipe.texts), *recipe.steps, *recipe.notes])
