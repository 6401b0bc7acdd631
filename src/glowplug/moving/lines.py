"""LiteLLM's spend logs → lines of the ledger and what they add to its sums.  Pure, and quick: there are millions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from glowplug.domain.budget import Scope
from glowplug.domain.price import IMPORTED
from glowplug.domain.usage import Outcome
from glowplug.moving.identity import key_id, member_tag, organisation_tag, printable, request_id
from glowplug.moving.litellm.rows.keys import MASTER_KEY_ALIAS
from glowplug.moving.litellm.rows.spend_logs import SpendLog
from glowplug.wire.end_user import PREFIX, prefixed

COLUMNS = (
    *("request", "attempt", "state", "worker", "day", "key", "asked", "model", "path", "started", "duration"),
    *("first_byte", "status", "outcome", "prompt_tokens", "completion_tokens", "cached_tokens", "estimated"),
    *("streamed", "user", "team", "tags", "cache_written", "reasoning", "prompt_audio", "completion_audio", "cost"),
    *("price", "reason", "trace"),
)
"""Of the table of attempts, in the order of a line."""
WORKER = "litellm"
"""Who wrote these lines."""
_PATHS = {
    "completion": "/v1/chat/completions",
    "embedding": "/v1/embeddings",
    "text_completion": "/v1/completions",
    "responses": "/v1/responses",
    "image_generation": "/v1/images/generations",
    "transcription": "/v1/audio/transcriptions",
    "speech": "/v1/audio/speech",
    "rerank": "/v1/rerank",
    "moderation": "/v1/moderations",
    "anthropic_messages": "/v1/messages",
}
_OK, _FAILED = Outcome.OK.value, Outcome.UPSTREAM_ERROR.value
_MOST_KNOWN = 20_000
_DAY = 86_400
_HOUR = 3600


@dataclass(frozen=True)
class Joins:
    """Names in the history → ours."""

    models: Mapping[str, str] = field(default_factory=dict)
    """Id of a deployment → model."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Public name → alias."""
    organisations: Mapping[str, str] = field(default_factory=dict)
    """Team → its organisation."""
    teams: Mapping[str, str] = field(default_factory=dict)
    """Key, by its id here → its team."""
    master: str = ""
    """Id of the master key here."""

    def key(self, hashed: str) -> str:
        """Id here of the key with this hash, or of what LiteLLM writes instead of one."""
        return self.master if self.master and hashed == MASTER_KEY_ALIAS else key_id(hashed)

    def model(self, id: str, name: str) -> str:
        """The model of a deployment; where that is gone, what its provider calls it."""
        return self.models.get(id) or printable(name)[:255]


_K = TypeVar("_K")
_V = TypeVar("_V")
Place = tuple[str, str, int]
"""Scope, name and hour."""


class Lines:
    """Turns logs into rows; `sums` adds up what they are of.

    What it remembers of earlier logs is forgotten when it becomes too much, so that memory does not grow with them.
    """

    def __init__(self, joins: Joins) -> None:
        self._joins = joins
        self._keys: dict[str, str] = {}
        self._days: dict[int, str] = {}
        self._tags: dict[tuple[str, ...], str] = {}
        self._names: dict[tuple[str, str, str], tuple[str, str]] = {}

    def row(self, log: SpendLog) -> tuple[tuple[object, ...], tuple[str, ...]]:
        """A line in the order of `COLUMNS`, and its tags."""
        key = self._keys.get(log.key)
        if key is None:
            key = _remember(self._keys, log.key, self._joins.key(log.key))
        started, first = log.started, log.first_token
        number = int(started // _DAY)
        day = self._days.get(number)
        if day is None:
            day = _remember(self._days, number, datetime.fromtimestamp(started, UTC).strftime("%Y-%m-%d"))
        tags = self._tags_of(log)
        text = self._tags.get(tags)
        if text is None:
            text = _remember(self._tags, tags, msgspec.json.encode(tags).decode())
        named = log.asked, log.model_id, log.model
        names = self._names.get(named)
        if names is None:
            names = _remember(self._names, named, self._names_of(log))
        asked, model = names
        failed = log.failed
        row = (
            request_id(log.request), 0, "closed", WORKER, day, key,
            asked, model, _path(log.call),
            started, max(0.0, log.ended - started), max(0.0, first - started) if first else 0.0,
            0 if failed else 200, _FAILED if failed else _OK,
            log.prompt_tokens, log.completion_tokens, log.cached_tokens, False,
            bool(first and first < log.ended),
            log.user[:255] or (log.end_user and prefixed(log.end_user)), log.team[:255], text,
            log.cache_written, 0, 0, 0, log.cost, IMPORTED,
            "cache" if log.from_cache else "", "",
        )  # fmt: skip
        return row, tags

    def _names_of(self, log: SpendLog) -> tuple[str, str]:
        """What was asked for, and the model."""
        asked = self._joins.names.get(log.asked, "") or printable(log.asked or log.model)[:255]
        return asked, self._joins.model(log.model_id, log.model)

    def _tags_of(self, log: SpendLog) -> tuple[str, ...]:
        tags = log.tags
        organisation = log.organisation or self._joins.organisations.get(log.team, "")
        if organisation:
            tags += (organisation_tag(organisation),)
        if log.team and log.user:
            tags += (member_tag(log.team, log.user),)
        if log.end_user and log.user and (named := prefixed(log.end_user)):
            tags += (named,)
        return tuple(dict.fromkeys(tags)) if len(tags) > 1 else tags


def _remember(known: dict[_K, _V], key: _K, value: _V) -> _V:
    if len(known) >= _MOST_KNOWN:
        known.clear()
    known[key] = value
    return value


def _path(call: str) -> str:
    """The path of an operation of LiteLLM's; those that start with `a` are the same."""
    if call == "atext_completion":
        return "/v1/completions"
    return _PATHS.get(call.removeprefix("a")) or _PATHS.get(call, "")


def sums(lines: Iterable[tuple[tuple[object, ...], tuple[str, ...]]]) -> dict[Place, list[int]]:
    """Nano-dollars, prompt tokens, completion tokens and how many, by scope, name and hour: the same that
    `glowplug.store.rollups` counts."""
    found: dict[Place, list[int]] = {}
    for row, tags in lines:
        _, _, _, _, _, key, _, model, _, started, *_ = row
        prompt, completion, user, team, cost = row[14], row[15], row[19], row[20], row[26]
        hour = int(started // _HOUR)  # type: ignore[operator]
        places = [("all", "", hour), ("key", key, hour), ("model", model, hour)]
        if user:
            places.append(("user", user, hour))
        if team:
            places.append(("team", team, hour))
        for tag in tags:
            places.append((_TAG, tag, hour))
            if tag[:4] == PREFIX and tag != user:
                places.append(("user", tag, hour))
        for place in places:
            one = found.get(place)  # type: ignore[arg-type]
            if one is None:
                found[place] = [cost, prompt, completion, 1]  # type: ignore[index,list-item]
            else:
                one[0] += cost  # type: ignore[operator]
                one[1] += prompt  # type: ignore[operator]
                one[2] += completion  # type: ignore[operator]
                one[3] += 1
    return found


_TAG = Scope.TAG.value
