"""Run every check of the tree: `python -m tools.checks`.  Exits 1 when one of them found something."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tools.checks import lengths, mirror, words


def tracked(root: Path) -> list[Path]:
    """Paths, relative to `root`, of the files git tracks or would track (new, not ignored)."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [path for name in sorted(set(listing.split("\0"))) if name and (root / (path := Path(name))).is_file()]


def main() -> int:
    root = Path.cwd()
    files = tracked(root)
    found = 0
    for check in (lengths, mirror, words):
        complaints = check.check(root, files)
        name = check.__name__.rpartition(".")[2]
        print(f"{name}: {len(complaints) or 'nothing'} to mend")
        for complaint in complaints:
            print(f"  {complaint}")
        found += len(complaints)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
