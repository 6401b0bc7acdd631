"""One generation as the command line follows it: server-sent events in, pieces of text and a result out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from glowplug.cli.client import refusal, told_error
from glowplug.errors import GlowplugError, Loading, UpstreamError

if TYPE_CHECKING:
    from glowplug.cli.client import Client, Response

_LONGEST_WAIT = 900.0
_LONGEST_LINE = 16 << 20
_GUST = 0.05
"""Seconds within which a whole answer counts as having come at once."""


@dataclass(frozen=True)
class Result:
    """What one request came to.  Times in seconds from the request; tokens are None when nobody counted them."""

    text: str
    model: str
    """Who served."""
    reason: str
    """Why that one."""
    prompt_tokens: int | None
    completion_tokens: int | None
    pieces: int
    first: float | None
    total: float

    @property
    def rate(self) -> float | None:
        """Tokens a second once the first one was there; over the whole time when they came in one gust, because the
        moments between pieces that were sent together say nothing about who made them."""
        made = self.completion_tokens or self.pieces
        if self.first is None or made < 2 or self.total <= 0:
            return None
        flow = self.total - self.first
        return (made - 1) / flow if flow >= _GUST else made / self.total

    def stats(self) -> str:
        """One line for people."""
        counted = self.completion_tokens is not None
        parts = [f"{self.completion_tokens if counted else f'about {self.pieces}'} tokens"]
        if self.rate is not None:
            parts.append(f"{self.rate:.1f} tok/s")
        if self.first is not None:
            parts.append(f"first token after {self.first:.2f} s")
        if self.model:
            parts.append(f"by {self.model}" + (f" ({self.reason})" if self.reason else ""))
        return " · ".join(parts)


class Lines:
    """Splits an event stream into comments (`True`, text) and data (`False`, text), whatever pieces it comes in.

    Every data line is one event here: that is what the OpenAI wire sends.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[bool, str]]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            raise UpstreamError("the answer has a line of more than 16 MiB", hint="that is not an event stream")
        for raw in lines:
            line = raw.rstrip(b"\r").decode("utf-8", "replace")
            if line.startswith(":"):
                yield True, line[1:].strip()
            elif line.startswith("data:"):
                yield False, line[5:].strip()


class Follower:
    """Follows the events of one answer and keeps what the result needs."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._began = now()
        self._text: list[str] = []
        self._usage: dict[str, Any] = {}
        self._model = ""
        self._pieces = 0
        self._first: float | None = None
        self.over = False

    def take(self, data: str) -> tuple[str, str]:
        """Text and reasoning of one event.  Raises the error that the event describes."""
        if data == "[DONE]":
            self.over = True
            return "", ""
        try:
            event = json.loads(data)
        except ValueError:
            raise UpstreamError("the answer has an event that is not JSON") from None
        if not isinstance(event, dict):
            return "", ""
        if isinstance(event.get("error"), dict):
            raise told_error(0, event["error"], {})
        self._model = str(event.get("model") or self._model)
        self._usage = event.get("usage") or self._usage
        choices = event.get("choices") or ()
        if not choices:
            return "", ""
        choice = choices[0]
        self.over = self.over or choice.get("finish_reason") is not None
        told = choice.get("delta") or choice.get("message") or {}
        text = str(told.get("content") or choice.get("text") or "")
        thought = str(told.get("reasoning_content") or told.get("reasoning") or "")
        if text or thought:
            self._pieces += 1
            self._text.append(text)
            if self._first is None:
                self._first = self._now() - self._began
        return text, thought

    def result(self, headers: dict[str, str]) -> Result:
        """What it came to, once the stream has ended.  Raises UpstreamError when it ended too early."""
        if not self.over:
            raise UpstreamError("the answer broke off before its end", hint="see: glowplug ps, glowplug logs MODEL")
        return Result(
            text="".join(self._text),
            model=headers.get("x-glowplug-model") or self._model,
            reason=headers.get("x-glowplug-reason", ""),
            prompt_tokens=self._usage.get("prompt_tokens"),
            completion_tokens=self._usage.get("completion_tokens"),
            pieces=self._pieces,
            first=self._first,
            total=self._now() - self._began,
        )


class Ways:
    """Where a generation goes while it comes: text, reasoning, and how far a load is."""

    def __init__(
        self, text: Callable[[str], None], thought: Callable[[str], None], progress: Callable[[str], None]
    ) -> None:
        self.text = text
        self.thought = thought
        self.progress = progress


def generate(
    client: Client,
    path: str,
    body: dict[str, Any],
    ways: Ways,
    *,
    now: Callable[[], float] = monotonic,
    pause: Callable[[float], None] = sleep,
) -> Result:
    """Ask and follow the answer to its end.  An engine that is still loading is waited for, 15 minutes at most."""
    follower = Follower(now)
    response = _ready(client, path, body, ways, now, pause)
    if not response.headers.get("content-type", "").startswith("text/event-stream"):
        _pass_on(follower.take(response.read().decode("utf-8", "replace")), ways)
        follower.over = True
        return follower.result(response.headers)
    lines = Lines()
    for chunk in response.chunks():
        for comment, said in lines.feed(chunk):
            if comment:
                ways.progress(said.removeprefix("glowplug ") or f"{body['model']}: waiting")
            else:
                _pass_on(follower.take(said), ways)
    return follower.result(response.headers)


def _pass_on(piece: tuple[str, str], ways: Ways) -> None:
    text, thought = piece
    if thought:
        ways.thought(thought)
    if text:
        ways.text(text)


def _ready(
    client: Client,
    path: str,
    body: dict[str, Any],
    ways: Ways,
    now: Callable[[], float],
    pause: Callable[[float], None],
) -> Response:
    """The answer's head, asked again while the model loads and the server would not hold the request."""
    until = now() + _LONGEST_WAIT
    while True:
        response = client.open("POST", path, body, silence=_LONGEST_WAIT)
        if response.status == 200:
            return response
        error = refusal(response.status, response.headers, response.read(), client.address.base)
        if not isinstance(error, Loading) or now() >= until:
            raise error
        ways.progress(loading_line(error))
        pause(min(5.0, max(0.2, error.retry_after or 1.0)))


def loading_line(error: Loading) -> str:
    """`chat-x: loading, reading weights, 40%, 12 s to go` from a loading object."""
    told = error.loading
    parts = [str(told.get("state") or "loading")]
    if told.get("stage"):
        parts.append(str(told["stage"]))
    if told.get("queue_position") is not None:
        parts.append(f"#{told['queue_position']} in the queue")
    progress, eta = told.get("progress"), told.get("eta_s")
    if isinstance(progress, (int, float)):
        parts.append(f"{progress:.0%}")
    if isinstance(eta, (int, float)):
        parts.append(f"{eta:.0f} s to go")
    return f"{told.get('model') or 'the model'}: {', '.join(parts)}"


def capabilities(client: Client, model: str) -> list[str]:
    """What a model can be asked for, as far as the server tells this key; empty when it does not."""
    try:
        rows = {str(row.get("name")): row for row in client.rows("/admin/models", within=2.0)}
    except GlowplugError:
        return []  # a user's key may not ask; the request itself will be answered clearly
    row = rows.get(model, {})
    if not row.get("capabilities") and row.get("targets"):
        row = rows.get(str(row["targets"][0]), {})
    return [str(one) for one in row.get("capabilities") or ()]
