"""The URL of a row: with settings in it, and recognised."""

from __future__ import annotations

import pytest

from glowplug.domain.provider import ProviderRow

ROW = ProviderRow(
    name="a",
    title="A",
    base_url="https://{resource}.a.example/v{region}",
    variables=("A",),
    also=("https://old.example",),
)


def test_settings_are_put_into_the_url_and_missing_ones_stay() -> None:
    assert ROW.places == ("resource", "region")
    assert ROW.url({"resource": "mine", "region": "2"}) == "https://mine.a.example/v2"
    assert ROW.url({"region": ""}) == "https://{resource}.a.example/v{region}"


@pytest.mark.parametrize(
    ("url", "known"),
    [
        ("https://mine.a.example/v2", True),
        ("https://mine.a.example/v2/", True),
        ("https://mine.a.example/v2/v1", True),
        ("https://mine.a.example/v2/v2", False),
        ("https://old.example/v1", True),
        ("https://older.example/v1", False),
        ("https://a.example/v2", False),
        ("https://mine.aXexample/v2", False),
        ("https://mine.a.example/v2.evil.example", False),
    ],
)
def test_its_own_url_is_known(url: str, known: bool) -> None:
    assert ROW.is_at(url) is known
