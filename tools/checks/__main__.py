"""Run every check of the tree: `python -m tools.checks`.  Exits 1 when one of them found something."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tools.checks import lengths, mirror, words

MADE = {"__pycache__", "build", "dist"}


def tracked(root: Path) -> list[Path]:
    """Paths, relative to `root`, of the files git tracks or would track; outside a clone, of all that was not made."""
    git = ("git", "-c", f"safe.directory={root}", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if (root / ".git").exists() and shutil.which("git"):
        listing = subprocess.run(git, cwd=root, check=True, capture_output=True, text=True).stdout
        paths = [Path(name) for name in set(listing.split("\0")) if name]
    else:
        paths = [path.relative_to(root) for path in root.rglob("*")]
        paths = [
            path
            for path in paths
            if not MADE.intersection(path.parts)
            and not (path.parts[0].startswith(".") and path.parts[0] not in (".ci", ".gitignore"))
        ]
    return sorted(path for path in paths if (root / path).is_file())


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
