"""Write every generated page and picture: `python -m tools.docs`; with `--check`, say which are out of date.

A generator is a module here with `pages(root)`, which returns the text of each file it makes by its path below `root`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tools.docs import checks, foreign, metrics, openapi, providers, references, terminal_svg, ui_types

GENERATORS = (references, providers, checks, foreign, metrics, terminal_svg, openapi, ui_types)


def main(arguments: list[str]) -> int:
    root = Path.cwd()
    stale = []
    for generator in GENERATORS:
        for name, text in generator.pages(root).items():
            target = root / name
            if target.is_file() and target.read_text() == text:
                continue
            if "--check" in arguments:
                stale.append(name)
            else:
                target.write_text(text)
                print(f"wrote {name}")
    for name in stale:
        print(f"{name} is out of date; run: make docs", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
