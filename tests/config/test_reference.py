"""The page is complete and up to date."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from glowplug.config.layers import settable
from glowplug.config.load import load_bytes
from glowplug.config.reference import reference
from glowplug.config.schema import Alias, Defaults, Limits, Provider, Server
from glowplug.config.schema_login import Login, Oidc
from glowplug.config.schema_models import Engine, Model, Ready, Stop
from glowplug.config.schema_price import ModelPrice
from glowplug.config.schema_rules import Energy, Group, Keeping, Memory, Scheduling, Telemetry

from .conftest import Catalogue

SECTIONS = {
    "server": Server,
    "server.limits": Limits,
    "engines.NAME": Engine,
    "defaults": Defaults,
    "providers.NAME": Provider,
    "models.NAME": Model,
    "models.NAME.ready": Ready,
    "models.NAME.stop": Stop,
    "models.NAME.price": ModelPrice,
    "aliases.NAME": Alias,
    "memory": Memory,
    "telemetry": Telemetry,
    "keeping": Keeping,
    "energy": Energy,
    "login": Login,
    "login.oidc": Oidc,
    "scheduling": Scheduling,
    "groups.NAME": Group,
}
PAGE = reference()


def section(title: str) -> str:
    [body] = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    return str(body)


def rows(title: str) -> dict[str, list[str]]:
    found = {}
    for line in re.findall(r"^\| `.*\|$", section(title), re.MULTILINE):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        found[cells[0].strip("`")] = cells[1:]
    return found


@pytest.mark.parametrize(("title", "cls"), SECTIONS.items())
def test_every_setting_has_a_row_with_type_default_and_description(title: str, cls: type[msgspec.Struct]) -> None:
    found = rows(title)
    expected = [
        f.encode_name
        for f in msgspec.structs.fields(cls)
        if f.encode_name not in ("limits", "ready", "stop", "price", "oidc")
    ]
    assert list(found) == expected
    for takes, default, text in found.values():
        assert takes and default and len(text) > 5


def test_there_is_nothing_but_the_sections_and_an_example() -> None:
    titles = re.findall(r"^## (.*)$", re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL), re.MULTILINE)
    assert set(titles) == {*SECTIONS, "Example"}


@pytest.mark.parametrize(
    ("title", "name", "takes", "default"),
    [
        ("server", "port", "number 0 to 65535", "`4000`"),
        ("server", "drain_timeout", "duration", "`30s`"),
        ("server", "hosts", "list of text", "none"),
        ("server.limits", "body", "size", "`64MiB`"),
        ("server.limits", "waiting", "number from 0", "`1024`"),
        ("defaults", "keep_alive", "duration or -1", "`5m`"),
        ("defaults", "cold", "`wait`, `cloud-while-cold`, `reject`", "`wait`"),
        ("providers.NAME", "base_url", "text", "none"),
        ("providers.NAME", "api_key", "secret, `file:/path` or `secret:NAME`", "none"),
        ("models.NAME", "keep_alive", "duration or -1", "`defaults.keep_alive`"),
        ("models.NAME", "memory", "size", "none"),
        ("models.NAME", "priority", "number -100 to 100", "`0`"),
        ("models.NAME", "launcher", "`auto`, `systemd`, `process`, `container`", "the engine's `launcher`"),
        ("models.NAME", "request_defaults", "mapping to number, text or true/false", "none"),
        ("models.NAME.ready", "tcp", "true/false", "`False`"),
        ("memory", "reserve", "size", "`1GiB`"),
        ("scheduling", "min_residency", "duration", "`1m`"),
        ("groups.NAME", "members", "list of text", "required"),
        ("models.NAME", "command", "text or list of text", "the engine's `command`"),
        ("models.NAME", "options", "mapping to number, text or true/false", "none"),
    ],
)
def test_types_and_defaults(title: str, name: str, takes: str, default: str) -> None:
    assert rows(title)[name][:2] == [takes, default]


def test_variables_are_named_where_they_set_something_and_nowhere_else() -> None:
    named = set(
        re.findall(r"`(GLOWPLUG_(?:SERVER|DEFAULTS|MEMORY|SCHEDULING)__[A-Z_]+)`", PAGE.split("## server", 1)[1])
    )
    assert named == set(settable())


def test_a_setting_of_one_kind_of_model_says_so() -> None:
    found = rows("models.NAME")
    assert "Only with `engine`." in found["path"][2] and "Only with `provider`." in found["provider"][2]
    assert "Only with" not in found["rpm"][2] + found["id"][2]


def test_the_example_loads() -> None:
    [example] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    loaded = load_bytes(example.encode(), path=Path("/d/c.yaml"), env={"HOME": "/h"}, engines=Catalogue())
    assert loaded.routes


def test_the_page_in_the_repository_is_this_one() -> None:
    assert (Path(__file__).parents[2] / "docs" / "configuration.md").read_text() == PAGE
