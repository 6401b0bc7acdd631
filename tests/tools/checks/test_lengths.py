from __future__ import annotations

from pathlib import Path

import pytest

from tools.checks import lengths


def _function(name: str, lines: int, indent: str = "") -> str:
    return f"{indent}def {name}():\n" + f"{indent}    pass\n" * (lines - 1)


@pytest.fixture
def module(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    return tmp_path / "src" / "it.py"


def _check(module: Path, text: str, **named: dict[str, str]) -> list[str]:
    module.write_text(text)
    return lengths.check(module.parents[1], [Path("src/it.py")], **named)


def test_what_just_fits_is_fine(module: Path) -> None:
    assert _check(module, _function("f", 60) + "#\n" * 340) == []


def test_one_line_more_is_too_long(module: Path) -> None:
    assert _check(module, "#\n" * 401) == ["src/it.py: 401 lines, at most 400; split it along its jobs"]
    assert _check(module, _function("f", 61)) == ["src/it.py::f: 61 lines, at most 60; split it along its jobs"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("class C:\n" + _function("m", 61, "    "), "C.m"),
        ("if True:\n" + _function("f", 61, "    "), "f"),
        ("def f():\n" + _function("g", 61, "    "), "f.g"),
        ("@cache\nasync " + _function("f", 61), "f"),
    ],
)
def test_functions_are_found_wherever_they_are(module: Path, text: str, name: str) -> None:
    assert f"src/it.py::{name}: 61 lines" in "\n".join(_check(module, text))


def test_decorators_do_not_count(module: Path) -> None:
    assert _check(module, "@cache\n@cache\n" + _function("f", 60)) == []


def test_an_exception_is_honoured_until_nothing_needs_it(module: Path) -> None:
    exceptions = {"src/it.py::f": "a table"}
    assert _check(module, _function("f", 61), exceptions=exceptions) == []
    assert _check(module, _function("f", 60), exceptions=exceptions) == [
        "src/it.py::f: no longer too long; take it off the exceptions"
    ]


def test_other_folders_and_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "it.py").write_text("#\n" * 500)
    assert lengths.check(tmp_path, [Path("docs/it.py"), Path("src/data.json")]) == []
