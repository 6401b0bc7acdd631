"""Entries of the configuration and rows of the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from glowplug.config.load import Loaded, load
from glowplug.domain.model import Capability
from glowplug.domain.provider import AwsKeys, KeySent, ProviderRow
from glowplug.domain.snapshot import ModelRoute
from glowplug.errors import ConfigError, Problem
from tests.config.conftest import Catalogue

CHAT, MESSAGES = Capability.CHAT, Capability.MESSAGES
ROWS = {
    row.name: row
    for row in (
        ProviderRow(
            name="groq", title="G", base_url="https://g.example/v1", variables=("G_KEY", "G_TOKEN"),
            capabilities=(CHAT, Capability.RESPONSES), quirks=("groq-usage", "max-tokens"), headers={"x-v": "1"},
        ),
        ProviderRow(
            name="azure", title="A", base_url="https://{resource}.a.example/v1", variables=("A_KEY",),
            key=KeySent.API_KEY,
        ),
        ProviderRow(
            name="ant", title="N", base_url="https://n.example/v1", variables=("N_KEY",), key=KeySent.X_API_KEY,
            capabilities=(MESSAGES,),
        ),
        ProviderRow(
            name="both", title="B", base_url="https://b.example/v1", variables=("B_KEY",),
            capabilities=(CHAT, MESSAGES), quirks=("strip-attribution",),
        ),
        ProviderRow(
            name="aws", title="S", base_url="https://run.{region}.aws.example/v1", variables=("AWS_TOKEN",),
            signed="svc",
        ),
    )
}  # fmt: skip

Read = Callable[..., Loaded]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def run(text: str, **env: str) -> Loaded:
        path = tmp_path / "config.yaml"
        path.write_text(text)
        return load(path, env={"HOME": "/home/u", **env}, engines=Catalogue(), providers=ROWS)

    return run


def route_of(read: Read, providers: str, model: str = "", **env: str) -> ModelRoute:
    text = f"providers:\n  {providers}\nmodels:\n  m: {{provider: {providers.partition(':')[0]}, id: x{model}}}\n"
    return read(text, **env).routes[0]


def problems(read: Read, text: str, **env: str) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        read(text, **env)
    return list(caught.value.problems)


@pytest.mark.parametrize("entry", ["groq:", "groq: {}", "mine: {type: groq}"])
def test_a_name_is_enough(read: Read, entry: str) -> None:
    route = route_of(read, entry, G_KEY="k")
    assert (route.base_url, route.api_key, route.provider) == ("https://g.example/v1", "k", "groq")
    assert (route.capabilities, route.quirks) == (ROWS["groq"].capabilities, ("groq-usage", "max-tokens"))
    assert route.headers == {"x-v": "1"}
    assert not route.unavailable


def test_the_second_variable_is_taken_when_the_first_is_not_set(read: Read) -> None:
    assert route_of(read, "groq: {}", G_TOKEN="t").api_key == "t"
    unset = route_of(read, "groq: {}")
    assert "G_KEY" in unset.unavailable
    assert "G_KEY" in str(read("providers: {groq: {}}\n").warnings)


def test_what_is_given_wins(read: Read) -> None:
    entry = 'groq: {api_key: mine, headers: {X-V: "2"}}'
    route = route_of(read, entry, ", capabilities: [chat]", G_KEY="k")
    assert (route.api_key, route.headers, route.capabilities) == ("mine", {"X-V": "2"}, (CHAT,))


def test_a_key_of_the_environment_goes_to_its_provider_only(read: Read) -> None:
    for entry in ("groq: {base_url: 'http://127.0.0.1:9/v1'}", "mine: {type: groq, base_url: 'https://proxy/v1'}"):
        assert route_of(read, entry, G_KEY="k").api_key == ""


def test_a_row_is_found_by_its_url_but_not_by_the_name_alone(read: Read) -> None:
    assert route_of(read, "mine: {base_url: 'https://g.example/v1/'}").provider == "groq"
    assert route_of(read, "mine: {base_url: 'https://my-own.a.example/v1'}").provider == "azure"
    other = route_of(read, "groq: {base_url: 'https://elsewhere/v1'}")
    assert (other.provider, other.quirks) == ("", ())
    assert Capability.RESPONSES not in other.capabilities and Capability.EMBEDDINGS in other.capabilities


def test_places_are_put_into_the_url(read: Read) -> None:
    route = route_of(read, "azure: {resource: my-own}", A_KEY="k")
    assert (route.base_url, route.headers) == ("https://my-own.a.example/v1", {"api-key": "k"})


def test_keys_are_sent_where_the_row_says(read: Read) -> None:
    assert route_of(read, "ant: {}", N_KEY="k").headers == {}, "by the endpoint"
    assert route_of(read, "both: {}", B_KEY="k").headers == {"authorization": "Bearer k"}
    own = route_of(read, "both: {headers: {X-API-Key: mine}}", B_KEY="k")
    assert (own.headers, own.api_key, own.unavailable) == ({"X-API-Key": "mine"}, "", "")
    given = route_of(read, "both: {api_key: k, headers: {X-API-Key: mine}}")
    assert given.headers == {"X-API-Key": "mine"}


def test_an_anchor_shares_no_key(read: Read) -> None:
    text = "providers:\n  groq: &p {connect_timeout: 1s}\n  ant: *p\nmodels:\n  m: {provider: ant, id: x}\n"
    assert read(text, G_KEY="g", N_KEY="n").routes[0].api_key == "n"


AWS = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}


def test_aws_credentials_of_the_environment_sign_where_there_is_no_key(read: Read) -> None:
    route = route_of(read, "aws: {region: eu-west-1}", **AWS)
    keys = AwsKeys(access_key="id", secret_key="secret", region="eu-west-1", service="svc")
    assert (route.aws, route.api_key, route.unavailable) == (keys, "", "")
    ending = route_of(read, "aws: {region: eu-west-1}", **AWS, AWS_SESSION_TOKEN="t")
    assert ending.aws is not None and ending.aws.session_token == "t"
    with_key = route_of(read, "aws: {region: eu-west-1}", **AWS, AWS_TOKEN="k")
    assert (with_key.aws, with_key.api_key) == (None, "k")
    assert "AWS_TOKEN" in route_of(read, "aws: {region: eu-west-1}").unavailable
    assert route_of(read, "groq: {}", **AWS).aws is None


def test_aws_credentials_that_are_given(read: Read) -> None:
    given = "access_key_id: a, secret_access_key: b, session_token: c"
    url = "https://run.us-gov-west-1.aws.example/v1"
    route = route_of(read, f"mine: {{base_url: '{url}', {given}}}", AWS_TOKEN="k", **AWS)
    keys = AwsKeys(access_key="a", secret_key="b", session_token="c", region="us-gov-west-1", service="svc")
    assert (route.aws, route.api_key) == (keys, "")
    other = route_of(read, f"mine: {{base_url: '{url}', {given.replace(' a', ' z')}}}")
    assert other.credential != route.credential
    half = route_of(read, "aws: {region: eu-west-1, access_key_id: a, secret_access_key: '${NOT_SET}'}")
    assert "NOT_SET" in half.unavailable and half.aws is None


@pytest.mark.parametrize(
    ("provider", "model", "expected"),
    [
        ("[+no-stream-options, -max-tokens]", None, ("groq-usage", "no-stream-options")),
        ("[no-stream-options]", None, ("no-stream-options",)),
        ("[]", None, ("groq-usage", "max-tokens")),
        (None, "[-groq-usage]", ("max-tokens",)),
        ("[+no-stream-options]", "[-no-stream-options]", ("groq-usage", "max-tokens")),
        ("[no-stream-options]", "[max-tokens]", ("max-tokens",)),
    ],
)
def test_quirks_are_added_taken_away_and_replaced(
    read: Read, provider: str | None, model: str | None, expected: tuple[str, ...]
) -> None:
    entry = f"groq: {{quirks: {provider}}}" if provider else "groq: {}"
    assert route_of(read, entry, f", quirks: {model}" if model else "", G_KEY="k").quirks == expected


def test_without_a_row_the_line_of_claude_code_is_taken_out(read: Read) -> None:
    engines = "m: {engine: llamacpp, path: /w, capabilities: [chat, messages]}\n  n: {engine: llamacpp, path: /w}"
    text = f"models:\n  {engines}\n"
    assert [route.quirks for route in read(text).routes] == [("strip-attribution",), ()]
    entry = "mine: {base_url: 'https://x/v1'}"
    assert route_of(read, entry, ", capabilities: [messages]").quirks == ("strip-attribution",)
    assert route_of(read, entry, ", capabilities: [messages], quirks: [-strip-attribution]").quirks == ()


@pytest.mark.parametrize(
    ("entry", "at", "message", "hint"),
    [
        ("grok: {}", "base_url", "base_url is missing", "did you mean groq? (`type: groq`)"),
        ("whatever: {}", "base_url", "base_url is missing", "for example"),
        ("p: {type: grok}", "type", "no provider grok in the catalogue", "did you mean groq?"),
        ("groq: {api_key: k, access_key_id: a, secret_access_key: b}", "access_key_id", "are not signed", "api_key"),
        ("aws: {region: r, access_key_id: a}", "secret_access_key", "is missing", "both"),
        ("aws: {region: r, api_key: k, access_key_id: a, secret_access_key: b}", "api_key", "beside", "one of the two"),
        (
            "aws: {base_url: 'https://x/v1', type: aws, access_key_id: a, secret_access_key: b}",
            "base_url",
            "no AWS region",
            "us-east-1",
        ),
        ("azure: {}", "resource", "resource is missing", "part of https://{resource}"),
        ("azure: {resource: a.evil/}", "resource", "must be letters", ""),
        ("groq: {region: x}", "region", "not part of this provider's URL", "remove it"),
        ("groq: {quirks: [max-token]}", "quirks", "no quirk max-token", "did you mean max-tokens?"),
        ("groq: {quirks: [+max-tokens, no-stream-options]}", "quirks", "some have a sign", "replace"),
    ],
)
def test_what_is_wrong_with_an_entry(read: Read, entry: str, at: str, message: str, hint: str) -> None:
    found = problems(read, f"providers:\n  {entry}\n", G_KEY="k", A_KEY="k")
    assert len(found) == 1
    assert f".{at}" in found[0].path and found[0].line == 2
    assert message in found[0].message and hint in found[0].hint


def test_quirks_of_models_are_checked_too(read: Read) -> None:
    text = "models:\n  m: {engine: llamacpp, path: /w, quirks: [+nothing-like-it]}\n"
    (found,) = problems(read, text)
    assert found.path.startswith("models.m.quirks")


def test_the_shown_configuration_has_what_was_filled_in(read: Read) -> None:
    shown = read("providers: {groq: {}}\n", G_KEY="sk-hidden").shown()
    groq: Any = shown.tree["providers"]["groq"]  # type: ignore[index]
    assert (groq["type"], groq["base_url"], groq["api_key"]) == ("groq", "https://g.example/v1", "${G_KEY}")
    assert shown.sources["providers.groq.base_url"].kind == "default"
    assert "sk-hidden" not in str(shown)
