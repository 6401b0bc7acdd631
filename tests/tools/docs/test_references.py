from __future__ import annotations

from pathlib import Path

from tools.docs import references

ROOT = Path(__file__).parents[3]


def test_the_pages_of_the_tree_are_those_of_the_code() -> None:
    for name, text in references.pages(ROOT).items():
        assert (ROOT / name).read_text() == text, f"{name} is out of date; run: make docs"
