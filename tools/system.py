"""The system packages that some tests use: what is missing, and how it is installed.

The list is `requirements/system.txt`: one `package program reason…` a line.  `python -m tools.system install` installs
what is missing where that is possible without asking anybody: as root on a Debian.  It never fails the run: the tests
that need a missing program are skipped, and say so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

LIST = Path(__file__).parents[1] / "requirements" / "system.txt"
_SEARCH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"))


def packages(text: str) -> dict[str, str]:
    """Program → Debian package, from the text of the list.  Raises ValueError on a line without a reason."""
    out = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) < 3:
            raise ValueError(f"line {number} of the list of system packages must be: package program reason")
        out[words[1]] = words[0]
    return out


def find(program: str) -> str | None:
    """Path of an installed program, also where only root's PATH looks; None when it is not there."""
    return shutil.which(program, path=_SEARCH)


def missing(known: Mapping[str, str]) -> list[str]:
    """Packages whose program is not installed, each once."""
    return sorted({package for program, package in known.items() if find(program) is None})


def apt_line(names: Iterable[str]) -> str:
    """The one line that installs these packages."""
    return "apt-get install -y --no-install-recommends " + " ".join(sorted(names))


def install(names: list[str]) -> bool:
    """Install packages with apt-get; False when that failed (apt has said why on stderr)."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in ("apt-get update -qq", apt_line(names)):
        if subprocess.run(command.split(), env=environment, stdin=subprocess.DEVNULL, check=False).returncode:
            return False
    return True


def main(arguments: list[str]) -> int:
    if arguments != ["install"]:
        print("usage: python -m tools.system install", file=sys.stderr)
        return 2
    names = missing(packages(LIST.read_text()))
    if not names:
        return 0
    if os.geteuid() != 0 or find("apt-get") is None:
        print(f"some tests will be skipped; to run them: sudo {apt_line(names)}", file=sys.stderr)
        return 0
    print(f"installing the system packages that some tests use: {' '.join(names)}", flush=True)
    if not install(names):
        print(f"could not install {' '.join(names)}; the tests that need them will be skipped", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
