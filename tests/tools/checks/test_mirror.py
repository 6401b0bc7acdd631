from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from tools.checks import mirror


def _check(*names: str, exceptions: dict[str, str] | None = None) -> list[str]:
    return mirror.check(Path(), [Path(name) for name in names], exceptions=exceptions or {})


@pytest.mark.parametrize(
    ("source", "test"),
    [
        ("src/glowplug/units.py", "tests/test_units.py"),
        ("src/glowplug/wire/link.py", "tests/wire/test_link.py"),
        ("tools/checks/mirror.py", "tests/tools/checks/test_mirror.py"),
        ("src/glowplug/wire/__init__.py", None),
        ("src/glowplug/__main__.py", None),
        ("src/glowplug/store/migrations/versions/0001_first.py", None),
        ("src/glowplug/config/schema.json", None),
        ("bench/run.py", "tests/bench/test_run.py"),
        ("docs/conf.py", None),
    ],
)
def test_where_tests_belong(source: str, test: str | None) -> None:
    assert mirror.expected(PurePosixPath(source)) == (PurePosixPath(test) if test else None)


def test_a_pair_is_fine() -> None:
    assert _check("src/glowplug/wire/link.py", "tests/wire/test_link.py") == []


def test_a_source_without_tests_is_found() -> None:
    assert _check("src/glowplug/wire/link.py") == ["src/glowplug/wire/link.py: has no tests/wire/test_link.py"]


def test_a_test_without_source_is_found() -> None:
    assert _check("tests/wire/test_gone.py") == [
        "tests/wire/test_gone.py: there is no source file of that name; move it, or put it under tests/e2e/"
    ]


@pytest.mark.parametrize(("name", "found"), [("link", 0), ("link_splits", 0), ("link_any_split", 0), ("linked", 1)])
def test_long_tests_may_be_split_by_aspect(name: str, found: int) -> None:
    complaints = _check("src/glowplug/wire/link.py", "tests/wire/test_link.py", f"tests/wire/test_{name}.py")
    assert len(complaints) == found


def test_free_folders_and_top_level_tests_need_no_source() -> None:
    assert _check("tests/e2e/test_kill.py", "tests/test_docs.py", "tests/wire/helper.py") == []


def test_an_exception_is_honoured_until_nothing_needs_it() -> None:
    excepted = {"src/glowplug/it.py": "values only"}
    assert _check("src/glowplug/it.py", exceptions=excepted) == []
    stale = ["src/glowplug/it.py: needs no exception any more; take it off the list"]
    assert _check("src/glowplug/it.py", "tests/test_it.py", exceptions=excepted) == stale
    assert _check(exceptions=excepted) == stale
