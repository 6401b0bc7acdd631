"""The documentation names what exists: links lead somewhere, pages are listed, dependencies have their reasons."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def _links(page: Path) -> list[str]:
    prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", prose)


def _names(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=~!\[; ]", requirement)[0].lower() for requirement in requirements}


def _rows(heading: str) -> set[str]:
    text = (ROOT / "docs" / "design" / "dependencies.md").read_text()
    section = re.split(r"^## ", text, flags=re.MULTILINE)
    (body,) = [part for part in section if part.startswith(heading + "\n")]
    return set(re.findall(r"^\| `([^`]+)`", body, flags=re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in _links(page):
        if "://" not in link and not link.startswith("#"):
            assert (page.parent / link.partition("#")[0]).exists(), link


def test_every_page_is_listed() -> None:
    index = ROOT / "docs" / "index.md"
    listed = {(index.parent / link).resolve() for link in _links(index) if "://" not in link}
    assert [page for page in PAGES if page.is_relative_to(index.parent) and page != index and page not in listed] == []


def test_every_dependency_has_its_reason() -> None:
    project = PROJECT["project"]
    runtime = _names(project["dependencies"])
    extras = set().union(*(_names(extra) for extra in project["optional-dependencies"].values()))
    groups = PROJECT["dependency-groups"]
    dev = _names([entry for group in ("build", "dev") for entry in groups[group] if isinstance(entry, str)])
    assert _rows("Runtime") == runtime
    assert _rows("Extras") == extras
    assert _rows("Development") == dev
    assert len(runtime | extras) <= 25


@pytest.mark.parametrize("name", ["runtime", "demo", "dev"])
def test_requirements_are_pinned_by_hash_and_name_no_index(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    assert "://" not in text
    assert not re.search(
        r"^\s*-", re.sub(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$", "", text, flags=re.MULTILINE), re.MULTILINE
    )
    entries = re.findall(r"^([a-z0-9.-]+)==", text, flags=re.MULTILINE)
    for block in re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]:
        assert "--hash=sha256:" in block, block
    wanted = _names(PROJECT["project"]["dependencies"])
    assert wanted <= {entry.replace("ruamel-yaml", "ruamel.yaml") for entry in entries}


def test_one_version_of_everything_is_tested_and_served() -> None:
    pins = [
        set(re.findall(r"^(\S+==\S+)", (ROOT / "requirements" / f"{name}.txt").read_text(), flags=re.MULTILINE))
        for name in ("runtime", "demo", "dev")
    ]
    assert pins[0] < pins[1] < pins[2]
