"""What the checks of models share."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.doctor.base import NothingToLookAt
from glowplug.doctor.models import (
    Far,
    OwnFile,
    at_site,
    far,
    host_and_port,
    listed,
    litellm_file,
    own_file,
    some,
    weights_at,
)
from glowplug.doctor.site import Foreign
from glowplug.domain.model import LocalModel
from tests.doctor.museum import CONFIG, HOME, Machine


@pytest.mark.parametrize(
    ("address", "where"),
    [
        ("http://127.0.0.1:1/v1", Far.HERE), ("http://localhost", Far.HERE), ("http://[::1]:8080", Far.HERE),
        ("http://192.168.1.9:11434", Far.LAN), ("http://box:8000", Far.LAN), ("http://box.lan", Far.LAN),
        ("https://api.openai.com/v1", Far.AWAY), ("http://8.8.8.8", Far.AWAY), ("http://[", Far.AWAY), ("", Far.AWAY),
    ],
)  # fmt: skip
def test_where_an_address_is(address: str, where: Far) -> None:
    assert far(address) is where


def test_an_edit_hides_what_may_be_a_key() -> None:
    plain = OwnFile("/c", "models:\n  a:\n    rpm: 1\n").with_fields([(("models", "a", "rpm"), 2)], "set it")
    assert plain is not None and "+    rpm: 2" in plain.diff() and plain.says() == "set it in /c"
    secret = OwnFile("/c", "models:\n  a:\n    rpm: 1 # key\n").with_fields([(("models", "a", "rpm"), 2)], "set it")
    assert secret is not None and secret.diff() == ""


def test_what_cannot_be_edited_is_no_edit() -> None:
    assert OwnFile("/c", "models: [\n").with_fields([(("models", "a", "rpm"), 2)], "set it") is None
    assert not OwnFile("/c", "models: [\n").says("models")
    assert OwnFile("/c", "models:\n  a: {rpm: 1}\n").says("models", "a", "rpm")
    assert not OwnFile("/c", "models:\n  a: {rpm: 1}\n").says("models", "b")


def test_the_file_and_the_weights_are_those_of_the_site(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    own = own_file(machine.site)
    assert own is not None and (own.path, own.text) == (CONFIG, machine.path(CONFIG).read_text())
    assert weights_at(machine.site, "/m/a.gguf") == tmp_path / "m/a.gguf"
    assert weights_at(machine.site, str(tmp_path / "m/a.gguf")) == tmp_path / "m/a.gguf"
    model = at_site(machine.site, LocalModel(name="a", engine="ollama"))
    assert model.env["OLLAMA_MODELS"] == str(machine.path(f"{HOME}/.ollama/models"))
    machine.path(CONFIG).unlink()
    assert own_file(machine.site) is None


def test_litellms_models_are_read_as_they_stand_there(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert litellm_file(machine.site) is None
    machine.write(
        "/l.yaml",
        "model_list:\n- model_name: a\n  litellm_params: {model: ollama/x}\n"
        "- {litellm_params: {model: ollama/y, api_base: os.environ/Y}}\n- 5\n",
    )
    machine.site.litellm = Foreign(config=Path("/l.yaml"))
    one, other, none = listed(litellm_file(machine.site))
    assert (one.name, one.model, one.local, other.local, none.local) == ("a", "ollama/x", True, True, False)


def test_nothing_is_said_to_be_nothing() -> None:
    some([1], "are no models")
    with pytest.raises(NothingToLookAt):
        some([], "are no models")


@pytest.mark.parametrize(
    ("url", "where"),
    [("http://a:1/v1", ("a", 1)), ("a:1", ("a", 1)), ("https://a", ("a", 443)), ("http://a", ("a", 80)),
     ("http://a:99999", ("", 0)), ("http://[", ("", 0))],
)  # fmt: skip
def test_where_a_url_leads(url: str, where: tuple[str, int]) -> None:
    assert host_and_port(url) == where
