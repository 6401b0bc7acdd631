from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Glowplug
from tests.cli.fake_server import FakeServer, Running
from tests.cli.script import Script

GOOD = """
server:
  port: 4001
providers:
  cloud:
    base_url: https://api.example.org/v1
    api_key: sk-very-secret
models:
  chat-x-cloud:
    provider: cloud
    id: x
aliases:
  chat-default:
    targets: [chat-x-cloud]
"""


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "good.yaml"
    path.write_text(GOOD)
    return str(path)


@pytest.fixture
def bad(tmp_path: Path) -> str:
    path = tmp_path / "bad.yaml"
    path.write_text(GOOD.replace("targets", "tragets").replace("port: 4001", "port: many"))
    return str(path)


def test_a_good_file_is_fine(glowplug: Glowplug, good: str) -> None:
    said = glowplug("config", "check", "--config", good)
    assert said.code == 0
    assert said.out == f"{good} is fine: 1 model, 1 alias\n"
    assert glowplug("config", "check", "--config", good, "--json").document["ok"] is True


def test_a_bad_file_is_told_line_by_line(glowplug: Glowplug, bad: str) -> None:
    said = glowplug("config", "check", "--config", bad)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"glowplug: {bad} has 3 problems\n  line 3: server.port: ")
    assert "  line 13: " in said.err
    told = glowplug("config", "check", "--config", bad, "--json")
    assert told.code == 1
    assert told.document["ok"] is False
    assert [problem["line"] for problem in told.document["problems"]][:2] == [3, 13]


def test_one_mistake_is_said_once(glowplug: Glowplug, tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text("sever: {}\n")
    said = glowplug("config", "check", "--config", str(path))
    assert said.code == 1
    assert said.err.count("sever") == 1


def test_no_file(glowplug: Glowplug, tmp_path: Path) -> None:
    said = glowplug("config", "check", "--config", str(tmp_path / "none.yaml"))
    assert said.code == 1
    assert said.err.startswith("glowplug: there is no configuration file ")


def test_show_reads_the_file_when_nothing_runs(
    glowplug: Glowplug, good: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = glowplug("config", "show", "--config", good)
    assert said.code == 0
    assert "sk-very-secret" not in said.out
    assert any(line.startswith("  port: 4001") and line.endswith("# line 3") for line in said.out.splitlines())
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "glowplug").mkdir()
    (tmp_path / "glowplug" / "config.yaml").write_text(GOOD)
    assert glowplug("config", "show", "--json").document["tree"]["server"]["port"] == 4001


def test_show_prefers_the_running_server_but_not_to_a_named_file(
    glowplug: Glowplug, good: str, server: FakeServer
) -> None:
    assert "chat-3.1" in glowplug("config", "show").out
    assert "chat-x-cloud" in glowplug("config", "show", "--config", good).out


def test_the_schema(glowplug: Glowplug) -> None:
    said = glowplug("config", "schema")
    assert said.code == 0
    assert "aliases" in json.loads(said.out)["properties"]


def test_script(script: Script) -> None:
    script.play("config")


def test_a_reload_of_a_bad_file_lists_what_is_wrong(glowplug: Glowplug, server: FakeServer) -> None:
    server.config_problems = True
    said = glowplug("config", "reload")
    assert (said.code, said.out) == (1, "")
    assert said.err == "glowplug: c.yaml has 1 problem\n  line 3: models.x: unknown key (did you mean y?)\n"
    assert glowplug("config", "reload", "--json").document["error"]["problems"][0]["line"] == 3


# ---- with what was added through the API beneath

LAYER = """\
models:
  chat-y-cloud: {provider: cloud, id: y}
aliases:
  chat-default: {targets: [chat-y-cloud]}
  fresh: {targets: [chat-y-cloud]}
  broken: {targets: [nobody]}
"""


@pytest.fixture
def layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    state = tmp_path / "state"
    state.mkdir()
    monkeypatch.setenv("GLOWPLUG_STATE_DIR", str(state))
    path = state / "managed.yaml"
    path.write_text(LAYER)
    return path


def test_a_check_counts_what_was_added(glowplug: Glowplug, good: str, layer: Path) -> None:
    said = glowplug("config", "check", "--config", good)
    assert said.code == 0
    assert said.out.splitlines() == [
        f"{good} is fine: 2 models, 2 aliases", f"of these from {layer}: aliases fresh; models chat-y-cloud",
    ]  # fmt: skip
    assert f"{layer}, line 4: aliases.chat-default: is in the configuration file too" in said.err
    assert f"{layer}, line 6: aliases.broken.targets[0]: there is no model nobody" in said.err
    told = glowplug("config", "check", "--config", good, "--json").document
    assert told["managed"] == {
        "path": str(layer),
        "entries": [{"section": "aliases", "name": "fresh"}, {"section": "models", "name": "chat-y-cloud"}],
    }
    assert {row["file"] for row in told["warnings"]} == {str(layer)}


def test_a_file_may_name_what_was_added(glowplug: Glowplug, good: str, layer: Path) -> None:
    text = Path(good).read_text()
    Path(good).write_text(text.replace("[chat-x-cloud]", "[chat-x-cloud, chat-y-cloud]"))
    assert glowplug("config", "check", "--config", good).code == 0
    alone = glowplug("config", "check", "--config", good, "--alone")
    assert (alone.code, "chat-y-cloud" in alone.err) == (1, True)
    assert "managed" not in glowplug("config", "check", "--config", good, "--alone", "--json").document


def test_show_says_where_a_value_comes_from(glowplug: Glowplug, good: str, layer: Path) -> None:
    lines = glowplug("config", "show", "--config", good).out.splitlines()
    assert [line.split("# ")[1] for line in lines if " id: " in line] == ["line 11", "managed.yaml line 2"]
    shown = glowplug("config", "show", "--config", good, "--json").document
    assert (shown["managed"], shown["sources"]["models.chat-y-cloud.id"]["kind"]) == (str(layer), "managed")
    assert "chat-y-cloud" not in glowplug("config", "show", "--config", good, "--alone").out


def test_what_was_added_without_a_file(glowplug: Glowplug, layer: Path) -> None:
    layer.write_text("providers: {p: {base_url: 'http://127.0.0.1:9/v1'}}\nmodels: {m: {provider: p, id: i}}\n")
    assert glowplug("config", "check").out == f"{layer} is fine: 1 model, 0 aliases\n"
    assert "managed.yaml line 2" in glowplug("config", "show").out
    assert glowplug("config", "check", "--alone").code == 1
    assert glowplug("config", "check", "--config", str(layer.parent / "none.yaml")).code == 1


def test_the_layer_of_another_machine_is_not_here(glowplug: Glowplug, good: str, layer: Path, running: Running) -> None:
    said = glowplug("config", "check", "--config", good, "--url", running.url)
    assert said.out == f"{good} is fine: 1 model, 1 alias\n"
