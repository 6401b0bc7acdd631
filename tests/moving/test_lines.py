"""Spend logs as lines of the ledger."""

from __future__ import annotations

from glowplug.moving.identity import key_id
from glowplug.moving.lines import COLUMNS, Joins, Lines, sums
from glowplug.store import rollups
from tests.moving.builders import HASH, log

JOINS = Joins(models={"m-1": "chat-gpt-4o-openai"}, names={"chat": "chat-default"}, organisations={"search": "o"})


def line(**more: object) -> dict[str, object]:
    row, tags = Lines(JOINS).row(log("r", **more))
    return {**dict(zip(COLUMNS, row, strict=True)), "tags": list(tags)}


def test_a_line_says_what_the_log_said() -> None:
    one = line()
    assert (one["key"], one["model"], one["asked"]) == (key_id(HASH), "chat-gpt-4o-openai", "chat-default")
    assert (one["status"], one["outcome"], one["price"], one["cost"]) == (200, "ok", "litellm", 1000)
    assert one["tags"] == ["batch", "org:o", "member:search/ann"]
    assert (one["path"], one["day"], one["duration"]) == ("/v1/chat/completions", "2025-11-24", 2.0)


def test_what_is_gone_or_odd_keeps_its_name() -> None:
    one = line(model_id="gone", asked="", failed=True, call="atext_completion", team="", tags=(), ended=0.0)
    assert (one["model"], one["asked"], one["outcome"], one["status"]) == ("gpt-4o", "gpt-4o", "upstream_error", 0)
    assert (one["path"], one["duration"], one["tags"]) == ("/v1/completions", 0.0, [])


def test_who_was_asked_for_is_named_beside_whose_key_it_is() -> None:
    assert line(user="", end_user="alice@shop")["user"] == "end:alice@shop"
    one = line(user="ann", end_user="alice@shop")
    assert (one["user"], one["tags"]) == ("ann", ["batch", "org:o", "member:search/ann", "end:alice@shop"])


def test_the_sums_are_those_that_the_ledger_makes() -> None:
    lines = Lines(JOINS)
    made = [
        lines.row(log(f"r{n}", started=1_764_000_000.0 + 900 * n, user="" if n % 2 else "ann", end_user="kim"))
        for n in range(9)
    ]
    wanted: rollups.Sums = {}
    for row, tags in made:
        rollups.count(wanted, {**dict(zip(COLUMNS, row, strict=True)), "tags": tags})
    assert {place: rollups.Sum(*one) for place, one in sums(made).items()} == wanted
