"""The contract of every client: what it is told is complete, is merged, is undone, and gives nothing away."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from glowplug.connect.base import PLACEHOLDER, Client, Form, Home, Items, Wanted
from glowplug.connect.files import change, restore, write, written
from glowplug.connect.merge import read
from glowplug.connect.registry import CLIENTS, client, found, of_agent
from glowplug.connect.showing import difference, texts
from glowplug.errors import NotFound
from tests.connect.rows import HOME, KEY, WANTED, everything

ROOT = Path(__file__).parents[2]
ROWS = pytest.mark.parametrize("row", CLIENTS, ids=lambda row: row.name)
THEIRS = {
    Form.JSON: '{\n\t// mine\n\t"theme": "dark", "api_token": "sk-theirs",\n\t"env": {"EDITOR": "vi"},\n}',
    Form.TOML: '# mine\ntheme = "dark" # really\n\n[profiles.work]\napi_token = "sk-theirs"\n',
    Form.YAML: "# mine\ntheme: dark  # really\napi_token: sk-theirs\n",
}
LIST = "# mine\n- model_id: theirs\n  api_key_name: sk-theirs\n"


@ROWS
def test_a_recipe_names_the_server_the_model_and_the_key(row: Client) -> None:
    recipe = row.recipe(WANTED, HOME)
    words = everything(recipe)
    assert WANTED.url in words and WANTED.model.name in words and KEY in words
    assert recipe.edits or recipe.env or recipe.texts or recipe.steps
    assert (KEY in "".join(map(str, recipe.edits))) == any(edit.secret for edit in recipe.edits)


@ROWS
def test_without_a_key_nothing_but_the_placeholder_is_shown(row: Client) -> None:
    shown = row.recipe(Wanted(WANTED.url, PLACEHOLDER, WANTED.models), HOME)
    assert KEY not in everything(shown) and PLACEHOLDER in everything(shown)
    assert all(text.text.endswith("\n") and text.language for text in texts(shown, HOME.path))


@ROWS
@pytest.mark.parametrize("there", [False, True], ids=["new", "there"])
def test_files_are_merged_once_and_brought_back_to_the_byte(row: Client, there: bool, tmp_path: Path) -> None:
    recipe = row.recipe(WANTED, Home(tmp_path))
    before: dict[Path, bytes] = {}
    for edit in recipe.edits:
        assert edit.path.is_relative_to(tmp_path)
        if there:
            edit.path.parent.mkdir(parents=True, exist_ok=True)
            before[edit.path] = (LIST if isinstance(edit.values, Items) else THEIRS[edit.form]).encode()
            edit.path.write_bytes(before[edit.path])
            edit.path.chmod(0o640)
        theirs = read(before[edit.path].decode(), edit.form) if there else {}
        one = change(edit)
        lines = "\n".join(difference(edit, one.before, one.after, KEY))
        assert KEY not in lines and "sk-theirs" not in lines and (edit.secret <= ("…" in lines))
        if edit.secret:
            assert KEY in "\n".join(difference(edit, one.before, one.after, KEY, show_key=True))
        write(one)
        assert stat.S_IMODE(edit.path.stat().st_mode) == (0o600 if edit.secret else 0o640 if there else 0o644)
        new = read(edit.path.read_text(), edit.form)
        if isinstance(theirs, dict) and isinstance(new, dict):
            assert all(name in new for name in theirs)
        assert ("mine" in edit.path.read_text()) == there, "comments stay"
        assert not change(edit).needed, "twice is once"
        other = row.recipe(Wanted("https://else.invalid", KEY, WANTED.models[::-1]), Home(tmp_path))
        for again in other.edits:
            if again.path == edit.path:
                write(change(again))
        assert written(edit.path)
    for edit in recipe.edits:
        assert restore(edit.path) and not restore(edit.path)
        assert (edit.path.read_bytes() if edit.path.exists() else None) == before.get(edit.path)
        assert not there or stat.S_IMODE(edit.path.stat().st_mode) == 0o640
    assert list(tmp_path.rglob("*glowplug*")) == []


def test_names_are_found_and_near_misses_are_told() -> None:
    assert len({row.name for row in CLIENTS}) == len(CLIENTS) == 16
    assert client("Claude-Code").title == "Claude Code"
    with pytest.raises(NotFound, match="clade-code") as caught:
        client("clade-code")
    assert "claude-code" in caught.value.hint


def test_a_client_is_found_by_its_program_and_its_directory(tmp_path: Path) -> None:
    (tmp_path / ".claude").mkdir()
    where = found(client("claude-code"), Home(tmp_path), {"claude": "/usr/bin/claude"}.get)
    assert where == ("/usr/bin/claude", str(tmp_path / ".claude"))
    assert found(client("codex"), Home(tmp_path), {}.get) == ()


@pytest.mark.parametrize(
    "path", sorted((ROOT / "tests" / "clients").glob("*_recorded_*.json")), ids=lambda path: path.stem
)
def test_who_really_asked_is_recognised(path: Path) -> None:
    said = json.loads(path.read_text())
    agent = next(value for name, value in said["request"]["headers"].items() if name.lower() == "user-agent")
    named = of_agent(agent)
    assert named is not None and path.stem.startswith(named.name.replace("-", "_"))


def test_others_are_nobody() -> None:
    assert of_agent("") is None and of_agent("Mozilla/5.0") is None
    libraries = of_agent("OpenAI/Python 3.5.0")
    assert libraries is not None and libraries.name == "openai"


def test_the_page_has_every_client() -> None:
    page = (ROOT / "docs" / "connect.md").read_text()
    assert [row.name for row in CLIENTS if f"`{row.name}`" not in page] == []
