"""Master keys, salt keys and passwords that can be guessed."""

from __future__ import annotations

import json

import pytest

from glowplug.doctor.checks.litellm_weak_secrets import WeakSecrets
from glowplug.doctor.examine import look
from glowplug.doctor.site import Foreign
from glowplug.domain.finding import Severity
from glowplug.testing.litellm_sealing import SALT, Sealer
from tests.doctor.museum import HOME, Exhibit, Machine

CHECK = "litellm-weak-secrets"
FILE = "general_settings:\n  master_key: os.environ/LITELLM_MASTER_KEY\n  database_url: os.environ/DATABASE_URL\n"
MASTER, SALT_KEY, PASSWORD = "sk-Qm3vB8xT1zK6wP9rL4nH", "sk-Zd7yC2uE5aJ0sG8tF1kV", "wq9-Lm3x-Tz0p"


def environment(master: str = MASTER, salt: str = SALT_KEY, password: str = PASSWORD) -> str:
    """An empty one is not set."""
    given = {"LITELLM_MASTER_KEY": master, "LITELLM_SALT_KEY": salt, "UI_PASSWORD": password}
    return "".join(f"{name}={value}\n" for name, value in given.items() if value)


def healthy(machine: Machine) -> None:
    machine.configure_litellm(FILE, environment())


def with_database(machine: Machine) -> None:
    machine.install_litellm()
    healthy(machine)


def without_any(machine: Machine) -> None:
    machine.path(f"{HOME}/litellm/.env").unlink()
    machine.configure_litellm("model_list: []\n")


def password_of_database(machine: Machine) -> None:
    value = json.dumps({"UI_PASSWORD": Sealer().seal("password")})
    machine.wing.execute('UPDATE "LiteLLM_Config" SET param_value = param_value || %s::jsonb', [value])


EXHIBITS = [
    Exhibit("the master key of the examples", CHECK,
            lambda m: m.configure_litellm(FILE, environment("sk-1234")), ("LITELLM_MASTER_KEY in ",), Severity.ERROR,
            repaired=False, healthy=healthy),
    Exhibit("the same in the configuration", CHECK,
            lambda m: m.configure_litellm("general_settings: {master_key: sk-1234}\n"),
            ("general_settings.master_key",), Severity.ERROR, repaired=False,
            healthy=lambda m: m.configure_litellm("general_settings: {}\n", environment())),
    Exhibit("the same in a variable of another name", CHECK,
            lambda m: m.configure_litellm("general_settings: {master_key: os.environ/MINE}\n", "MINE=sk-1234\n"),
            ("general_settings.master_key",), Severity.ERROR, repaired=False, healthy=healthy),
    Exhibit("a short one", CHECK, lambda m: m.configure_litellm(FILE, environment("sk-abcdefg")),
            ("LITELLM_MASTER_KEY in ",), repaired=False, healthy=healthy),
    Exhibit("one of a single letter", CHECK, lambda m: m.configure_litellm(FILE, environment("sk-" + "a" * 40)),
            ("LITELLM_MASTER_KEY in ",), repaired=False, healthy=healthy),
    Exhibit("none at all", CHECK, without_any, ("config.yaml",), repaired=False, healthy=healthy),
    Exhibit("a short salt key", CHECK, lambda m: m.configure_litellm(FILE, environment(salt="sk-salt")),
            ("LITELLM_SALT_KEY in ",), repaired=False, healthy=healthy),
    Exhibit("no salt key", CHECK,
            lambda m: m.configure_litellm(FILE, environment(salt="") + "DATABASE_URL=postgresql://h/d\n"), (".env",),
            repaired=False, healthy=healthy),
    Exhibit("the password of the examples", CHECK, lambda m: m.configure_litellm(FILE, environment(password="admin")),
            ("UI_PASSWORD in ",), repaired=False, healthy=healthy),
    Exhibit("a short password", CHECK, lambda m: m.configure_litellm(FILE, environment(password="aB3$xyz")),
            ("UI_PASSWORD in ",), repaired=False, healthy=healthy),
    Exhibit("the master key for a password", CHECK, lambda m: m.configure_litellm(FILE, environment(password=MASTER)),
            ("UI_PASSWORD in ",), repaired=False, healthy=healthy),
    Exhibit("no password", CHECK, lambda m: m.configure_litellm(FILE, environment(password="")), (".env",),
            Severity.NOTE, repaired=False, healthy=healthy),
    Exhibit("a password in the database", CHECK, password_of_database, ("[environment_variables].UI_PASSWORD",),
            repaired=False, healthy=with_database),
    Exhibit("a master key in the database", CHECK,
            lambda m: m.wing.setting("general_settings", {"master_key": "sk-1234"}), ("[general_settings].master_key",),
            Severity.ERROR, repaired=False, healthy=lambda m: m.install_litellm() and None),
]  # fmt: skip


@pytest.mark.parametrize("key", ["sk-1234", "sk-abcdefg", "sk-zzzzzzzzzzzzzzzzzzzzzz", MASTER])
def test_no_secret_is_shown(bare: Machine, key: str) -> None:
    bare.configure_litellm(FILE, environment(key, "sk-shortsalt", key))
    looked, _ = look(WeakSecrets(), bare.site)
    assert looked.findings
    assert key not in repr(looked) and "sk-shortsalt" not in repr(looked)


@pytest.mark.parametrize(
    ("config", "keys"),
    [("general_settings: {master_key: os.environ/ELSEWHERE}\n", ()), ("general_settings: {}\n", (SALT,))],
)
def test_a_master_key_that_cannot_be_seen_is_not_missed(bare: Machine, config: str, keys: tuple[object, ...]) -> None:
    bare.configure_litellm(config)
    assert bare.site.litellm is not None
    bare.site.litellm = Foreign(config=bare.site.litellm.config, keys=keys)  # type: ignore[arg-type]
    assert look(WeakSecrets(), bare.site)[0].findings == ()


def test_without_an_installation_there_is_nothing_to_look_at(bare: Machine) -> None:
    assert look(WeakSecrets(), bare.site)[0].skipped
