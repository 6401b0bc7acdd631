"""The public entry: references, values from outside, what is shown, and what is never shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from glowplug.config.load import Loaded, load, load_bytes
from glowplug.config.secrets import SecretSource
from glowplug.domain.model import OnDisconnect
from glowplug.errors import ConfigError, Problem
from glowplug.secret import Secret

from .conftest import Catalogue

Load = Callable[..., Loaded]
Problems = Callable[..., list[Problem]]

CLOUD = """\
providers:
  openai:
    base_url: https://api.openai.com/v1/
    api_key: ${OPENAI_API_KEY}
  other: {base_url: "http://127.0.0.1:9/v1"}
models:
  chat-gpt-openai: {provider: openai, id: gpt-5-mini}
  chat-other: {provider: other, id: x}
  chat-local: {engine: llamacpp, path: m.gguf}
aliases:
  chat-default: {targets: [chat-local, chat-gpt-openai]}
"""


def test_an_unset_variable_stops_exactly_the_models_that_need_it(load_text: Load) -> None:
    loaded = load_text(CLOUD)
    reason = "environment variable OPENAI_API_KEY is not set; model chat-gpt-openai needs it"
    assert {route.name: route.unavailable for route in loaded.routes} == {
        "chat-gpt-openai": reason,
        "chat-other": "",
        "chat-local": "",
    }
    (warning,) = [problem for problem in loaded.warnings if "OPENAI" in problem.message]
    assert (warning.path, warning.line, warning.message) == ("providers.openai.api_key", 4, reason)


def test_a_set_variable_reaches_the_route_and_nothing_that_is_printed(load_text: Load) -> None:
    loaded = load_text(CLOUD, OPENAI_API_KEY="sk-hunter2")
    route = loaded.routes[0]
    assert (route.api_key, route.base_url, route.unavailable) == ("sk-hunter2", "https://api.openai.com/v1", "")
    shown = loaded.shown()
    printed = [
        repr(loaded),
        repr(loaded.config),
        repr(shown),
        json.dumps(shown.tree),
        msgspec.json.encode(shown).decode(),
    ]
    assert not any("hunter2" in text for text in (*printed, repr(loaded.resolved), repr(loaded.routes)))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "environment variable OPENAI_API_KEY is empty"),
        ("sk\n1", "cannot be sent"),
        ("sk 1", "cannot be sent"),
        ("ské", "cannot be sent"),
    ],
)
def test_a_variable_that_cannot_be_a_key_is_like_an_unset_one(load_text: Load, value: str, words: str) -> None:
    loaded = load_text(CLOUD, OPENAI_API_KEY=value)
    assert words in loaded.routes[0].unavailable
    assert loaded.routes[1].unavailable == ""
    assert all("sk" not in problem.message.replace("disk", "") for problem in loaded.warnings)


def test_a_variable_in_an_engine_or_model_stops_those_models_only(load_text: Load) -> None:
    text = (
        "engines:\n  vllm: {env: {TOKEN: '${HF}'}}\nmodels:\n  a: {engine: vllm, path: x}\n"
        "  b: {engine: llamacpp, path: '${DIR}/x', options: {ctx_size: '${CTX}'}}\n  c: {engine: llamacpp, path: x}\n"
    )
    loaded = load_text(text)
    assert [model.name for model in loaded.local_models] == ["c"]
    assert "variable HF is not set; model a needs it" in loaded.routes[0].unavailable
    assert "variable DIR is not set and environment variable CTX is not set" in loaded.routes[1].unavailable


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("server: {host: '${X}'}\n", "server.host"),
        ("server: {port: '${X}'}\n", "server.port"),
        ("defaults: {keep_alive: '${X}'}\n", "defaults.keep_alive"),
    ],
)
def test_an_unset_variable_in_the_server_is_an_error(problems_of: Problems, text: str, path: str) -> None:
    (problem,) = problems_of(text)
    assert (problem.path, problem.line) == (path, 1)
    assert "environment variable X is not set" in problem.message


def test_a_variable_may_give_a_number_and_is_not_repeated_when_it_does_not(
    load_text: Load, problems_of: Problems
) -> None:
    text = "server:\n  port: ${P:-8080}\n  drain_timeout: ${D}\n  limits: {body: '${B}'}\n"
    loaded = load_text(text, D="1m", B="2MiB")
    limits = loaded.server.limits
    assert (loaded.server.port, limits.drain_timeout, limits.body_bytes) == (8080, 60.0, 2 << 20)
    (problem,) = problems_of(text, P="hunter2", D="1m", B="1")
    assert problem.line == 2
    assert "hunter2" not in str(problem)


def test_a_variable_in_options_is_a_number_when_it_looks_like_one(load_text: Load) -> None:
    (model,) = load_text(
        "models:\n  m: {engine: llamacpp, path: x, options: {ctx_size: '${C}'}}\n", C="64"
    ).local_models
    assert model.options == {"ctx_size": 64}


def with_secrets(text: str, secrets: SecretSource | None) -> Loaded:
    return load_bytes(text.encode(), path=None, env={"HOME": "/h"}, engines=Catalogue(), secrets=secrets)


def test_a_secret_of_the_database(load_text: Load) -> None:
    text = CLOUD.replace("${OPENAI_API_KEY}", "secret:openai")
    asked: list[str] = []

    def found(name: str) -> Secret | str:
        asked.append(name)
        return Secret("sk-stored")

    loaded = with_secrets(text, found)
    assert (loaded.routes[0].api_key, loaded.routes[0].unavailable, asked) == ("sk-stored", "", ["openai"])
    assert loaded.secret_uses() == {"openai": ("providers.openai.api_key",)}
    assert loaded.shown().tree["providers"]["openai"]["api_key"] == "secret:openai"  # type: ignore[index]
    lost = with_secrets(text, lambda name: f"the secret {name} cannot be opened")
    assert [(one.name, one.unavailable) for one in lost.routes if one.unavailable] == [
        ("chat-gpt-openai", "the secret openai cannot be opened; model chat-gpt-openai needs it")
    ]


def test_a_secret_that_nobody_can_look_up_yet_is_left_open(load_text: Load) -> None:
    loaded = load_text(CLOUD.replace("${OPENAI_API_KEY}", "secret:openai"))
    assert not any("openai" in str(problem) and "secret" in str(problem) for problem in loaded.warnings)
    assert loaded.routes[0].unavailable == ""


def test_a_secret_of_the_database_that_cannot_be_sent_is_named() -> None:
    text = CLOUD.replace("${OPENAI_API_KEY}", "secret:openai")
    loaded = with_secrets(text, lambda _name: Secret("sk\nevil"))
    assert "the secret openai has characters in it that cannot be sent" in loaded.routes[0].unavailable


def test_a_secret_file_is_read_watched_and_warned_about(load_text: Load, tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("sk-file\n")
    secret.chmod(0o644)
    loaded = load_text(CLOUD.replace("${OPENAI_API_KEY}", "file:key"))
    assert loaded.routes[0].api_key == "sk-file"
    assert loaded.files == (tmp_path / "config.yaml", secret)
    assert any("can be read by others" in problem.message and problem.line == 4 for problem in loaded.warnings)
    assert loaded.shown().tree["providers"]["openai"]["api_key"] == "file:key"  # type: ignore[index]
    secret.unlink()
    loaded = load_text(CLOUD.replace("${OPENAI_API_KEY}", "file:key"))
    assert f"secret file {secret} cannot be read: No such file" in loaded.routes[0].unavailable
    assert secret in loaded.files


def test_literal_secrets_and_referenced_values_are_hidden_when_shown(load_text: Load) -> None:
    text = (
        "providers:\n  p:\n    base_url: https://p/v1\n    api_key: sk-l1teral\n"
        "    headers: {X-A: l1teral, X-B: '${H:-l1teral}'}\n"
        "models:\n  m: {engine: llamacpp, path: x, args: [--token, '${T}'], env: {A: l1teral, B: '${T}'}}\n"
    )
    loaded = load_text(text, T="hunter2", H="hunter2")
    tree = json.dumps(loaded.shown().tree)
    assert "l1teral" not in tree and "hunter2" not in tree
    assert loaded.shown().tree["models"]["m"]["args"] == ["--token", "${T}"]  # type: ignore[index]
    assert loaded.shown().sources["models.m.args"].variables == ("T",)
    (model,) = loaded.local_models
    assert model.args == ("--token", "hunter2")
    assert model.env == {"A": "l1teral", "B": "hunter2"}


def test_settings_from_the_environment_win_and_are_shown_as_such(load_text: Load) -> None:
    env = {
        "GLOWPLUG_SERVER__PORT": "8080",
        "GLOWPLUG_SERVER__LIMITS__BODY": "1MiB",
        "GLOWPLUG_DEFAULTS__KEEP_ALIVE": "-1",
    }
    loaded = load_text("server:\n  port: 1\n" + CLOUD, **env)
    assert (loaded.server.port, loaded.server.limits.body_bytes) == (8080, 1 << 20)
    assert loaded.local_models[0].keep_alive == float("inf")
    sources = loaded.shown().sources
    assert str(sources["server.port"]) == "environment, GLOWPLUG_SERVER__PORT"
    assert str(sources["models.chat-local.keep_alive"]).endswith(
        "GLOWPLUG_DEFAULTS__KEEP_ALIVE, from defaults.keep_alive"
    )
    assert str(sources["server.host"]) == "default"
    assert str(sources["models.chat-local.engine"]) == "line 11"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("GLOWPLUG_SERVER__PROT", "1", "did you mean GLOWPLUG_SERVER__PORT?"),
        ("GLOWPLUG_SERVER__HOSTS", "a", "is no setting"),
        ("GLOWPLUG_SERVER__PORT", "x", "what GLOWPLUG_SERVER__PORT says, 'x'"),
        ("GLOWPLUG_DEFAULTS__COLD", "maybe", "must be wait, cloud-while-cold or reject"),
    ],
)
def test_a_wrong_variable_is_refused(problems_of: Problems, name: str, value: str, words: str) -> None:
    (problem,) = problems_of("", **{name: value})
    assert words in str(problem)
    assert problem.line == 0


def test_other_variables_of_ours_are_left_alone(load_text: Load) -> None:
    load_text("", GLOWPLUG_STATE_DIR="/x", GLOWPLUG_API_KEY="sk-gp-1", GLOWPLUG_CONFIG="/y")


def test_no_file_at_all_starts_with_no_models_and_says_how_to_add_one() -> None:
    loaded = Loaded.empty(env={"HOME": "/h", "GLOWPLUG_SERVER__PORT": "0"}, engines=Catalogue())
    assert (loaded.routes, loaded.aliases, loaded.local_models, loaded.path, loaded.files) == ((), (), (), None, ())
    assert loaded.server.port == 0
    (warning,) = loaded.warnings
    assert "add one under `models:` in" in str(warning)


@pytest.mark.parametrize("kind", ["absent", "directory", "pipe", "zero"])
def test_a_path_that_cannot_be_read_is_a_config_error(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("a\0b" if kind == "zero" else "c.yaml")
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(ConfigError) as caught:
        load(path, env={}, engines=Catalogue())
    assert "c.yaml" in caught.value.message or kind == "zero"


def test_missing_weights_are_a_warning_at_their_line(load_text: Load, tmp_path: Path) -> None:
    (tmp_path / "there.gguf").touch()
    loaded = load_text("models:\n  a: {engine: llamacpp, path: there.gguf}\n  b: {engine: llamacpp, path: gone.gguf}\n")
    (warning,) = loaded.warnings
    assert (warning.path, warning.line) == ("models.b.path", 3)
    assert loaded.local_models[0].path == str(tmp_path / "there.gguf")


def test_extension_keys_hold_anchors(load_text: Load) -> None:
    text = "x-c: &c {engine: vllm, path: m, keep_alive: 1m}\nmodels:\n  a: {<<: *c}\n  b: {<<: *c, keep_alive: 2m}\n"
    assert [model.keep_alive for model in load_text(text).local_models] == [60.0, 120.0]


def test_the_digest_is_of_the_bytes() -> None:
    digests = {load_bytes(d, path=None, env={}, engines=Catalogue()).digest for d in (b"", b"#", b"#")}
    assert len(digests) == 2


def test_models_of_each_kind_behave_differently_when_the_client_leaves(load_text: Load) -> None:
    routes = {route.name: route.on_disconnect for route in load_text(CLOUD).routes}
    assert routes["chat-local"] is OnDisconnect.CANCEL
    assert routes["chat-other"] is OnDisconnect.DRAIN


def test_importing_the_loader_is_light() -> None:
    code = "import sys, glowplug.config.load; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=_env())
    loaded = set(out.stdout.split())
    assert not loaded & {"sqlalchemy", "starlette", "uvicorn", "ruamel.yaml", "ruamel", "asyncio", "click", "difflib"}


def _env() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("mysql://u:geheim@h/d", "is not the URL of a PostgreSQL database"),
        ("secret:db", "a secret of the database cannot say where the database is"),
    ],
)
def test_what_is_no_url_of_a_database_is_refused_and_not_shown(problems_of: Problems, value: str, says: str) -> None:
    (problem,) = problems_of(f'server: {{database: "{value}"}}')
    assert (problem.path, problem.message) == ("server.database", says)
    assert "geheim" not in str(problem)


def test_where_the_database_is_stays_hidden(load_text: Load) -> None:
    url = "postgresql://u:geheim@h/d"
    loaded = load_text(f"server: {{database: '{url}'}}")
    assert loaded.server.database is not None and loaded.server.database.reveal() == url
    assert "geheim" not in f"{loaded!r} {loaded.server!r} {loaded.config!r} {loaded.shown()}"
    variable = load_text("server: {database: '${DB}'}", DB=url)
    assert variable.server == loaded.server
    assert "${DB}" in str(variable.shown().tree) and "geheim" not in str(variable.shown())
    assert load_text("server: {database: '${DB:-}'}").server.database is None, "nothing: a file"
