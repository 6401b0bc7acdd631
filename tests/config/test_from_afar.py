"""What of the configuration file may not be changed through an API."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.config.from_afar import objections
from glowplug.config.load import load_bytes
from glowplug.engines.catalogue import Catalogue
from glowplug.providers.catalogue import PROVIDERS

FILE = """\
server: {model_folders: [/models], database: "postgresql://box/db"}
engines:
  llamacpp: {command: [llama-server]}
providers:
  far: {base_url: "https://far.example/v1", api_key: "${FAR}"}
models:
  a: {engine: llamacpp, path: /elsewhere/a.gguf, args: [-x], keep_alive: 1m}
  b: {provider: far, id: "${NAME}"}
aliases:
  x: {targets: [a, b]}
"""
ENV = {"FAR": "sk", "NAME": "n", "HOME": "/h"}


def refused(old: str, new: str, before: str = FILE) -> list[str]:
    """The paths of what is objected to when `old` becomes `new`."""
    assert old in before
    after = before.replace(old, new, 1).encode()
    engines = Catalogue()
    loaded = load_bytes(after, path=Path("/etc/c.yaml"), env=ENV, engines=engines, providers=PROVIDERS)
    return [one.path for one in objections(before.encode(), after, loaded.config, engines, Path("/etc"), "/h")]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("keep_alive: 1m", "keep_alive: 2m"),
        ("targets: [a, b]", "targets: [b, a]"),
        ("models:\n", "# said so\nmodels:\n  c: {engine: llamacpp, path: /models/c.gguf}\n"),
        ("providers:\n", "providers:\n  groq: {api_key: secret:groq}\n"),
        (", args: [-x]", ""),
        ('  b: {provider: far, id: "${NAME}"}\n', "  b: {provider: far, id: plain}\n"),
        ("aliases:\n  x: {targets: [a, b]}\n", "defaults: {cold: wait}\n"),
        ("[llama-server]", "[ llama-server ]"),
    ],
)
def test_what_is_not_run_may_be_changed(old: str, new: str) -> None:
    assert refused(old, new) == []


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("[llama-server]", "[sh]", "engines.llamacpp.command"),
        ("{command: [llama-server]}", "{launcher: process}", "engines.llamacpp.command"),
        ("engines:\n", "engines:\n  vllm: {env: {A: b}}\n", "engines.vllm"),
        ("args: [-x]", "args: [-y]", "models.a.args"),
        ("keep_alive: 1m", "env: {LD_PRELOAD: /x}", "models.a.env"),
        ("/elsewhere/a.gguf", "/etc/passwd", "models.a.path"),
        ("keep_alive: 1m", "options: {chat_template: x}", "models.a.options.chat_template"),
        ("models:\n", "models:\n  c: {engine: llamacpp, path: /tmp/c.gguf}\n", "models.c.path"),
        ("models:\n", "models:\n  c: {engine: command, command: [sh], id: x}\n", "models.c.command"),
        ("[/models]", "[/]", "server.model_folders"),
        ("postgresql://box/db", "postgresql://other/db", "server.database"),
        ("https://far.example/v1", "https://evil.example/v1", "providers.far.base_url"),
        ('base_url: "https://far.example/v1", ', "type: azure, resource: evil, ", "providers.far.type"),
        ("providers:\n", 'providers:\n  new: {base_url: "http://169.254.169.254/"}\n', "providers.new.base_url"),
        ("providers:\n", "providers:\n  groq: {api_key: file:/etc/shadow}\n", "providers.groq.api_key"),
        ("providers:\n", 'providers:\n  groq: {headers: {a: "${HOME}"}}\n', "providers.groq.headers.a"),
        ("aliases:\n", 'telemetry: {otlp: "http://x.example"}\naliases:\n', "telemetry"),
    ],
)
def test_what_is_run_and_where_keys_go_may_not(old: str, new: str, path: str) -> None:
    assert path in refused(old, new)


def test_an_anchor_is_no_way_around() -> None:
    before = FILE.replace("args: [-x]", "args: *mine").replace("server:", "x-args: &mine [-x]\nserver:", 1)
    assert refused("&mine [-x]", "&mine [-y]", before) == ["models.a.args"]
