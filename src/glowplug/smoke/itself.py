"""What a server promises beside its models: it refuses wrong keys, has a page and a login, tells its metrics."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from glowplug.clock import Clock
from glowplug.smoke.asking import Server
from glowplug.smoke.login import NotAsked, NotLetIn, log_in
from glowplug.smoke.probes import Answer, Asked, error_text
from glowplug.smoke.report import Outcome, Result

QUICK_S: Final = 15.0
"""Seconds for what needs no model."""
_WRONG: Final = "sk-glowplug-smoke-wrong-key"
_NO_DATABASE: Final = b"no_db_connection"
"""What a LiteLLM without a database says of every key but its master key."""
_SCRIPT: Final = re.compile(rb'<script[^>]*\ssrc="(/[^"]+)"')
_LOGIN: Final = {"user": "glowplug-smoke", "password": "not the password"}
_LITELLM_LOGIN: Final = {"username": "glowplug-smoke", "password": "not the password"}


class Kind(StrEnum):
    """Whose server it is."""

    GLOWPLUG = "glowplug"
    LITELLM = "litellm"
    OTHER = "other"


@dataclass(frozen=True)
class _Seen:
    """What one answer is worth."""

    wrong: str = ""
    skipped: str = ""
    """Why there was nothing to see."""
    detail: str = ""


@dataclass(frozen=True)
class _Check:
    name: str
    asked: Asked
    judge: Callable[[Answer], _Seen]
    key: str | None = None
    """Instead of the usual one."""


class Itself:
    """Asks a server about itself.  `keyed`: a key is used there, so others should be refused."""

    def __init__(
        self, server: Server, clock: Clock, progress: Callable[[str], None], kind: Kind, *, keyed: bool
    ) -> None:
        self._server = server
        self._clock = clock
        self._progress = progress
        self._kind = kind
        self._keyed = keyed

    def check(self) -> list[Result]:
        """A wrong key everywhere; page, login and metrics where it is known what they look like."""
        checks = [_Check("a wrong key is refused", Asked(path="/v1/models", method="GET"), self._refused, _WRONG)]
        if self._kind is Kind.GLOWPLUG:
            checks += [
                _Check("the page is served", Asked(path="/ui/", method="GET"), self._page, ""),
                _Check("the login answers", _login("/auth/login", _LOGIN), _lets_nobody_in, ""),
                _Check(
                    "metrics are scraped", Asked(path="/metrics", method="GET"), _metrics("glowplug_requests_total")
                ),
            ]
        elif self._kind is Kind.LITELLM:
            checks += [
                _Check("the page is served", Asked(path="/ui/", method="GET"), _or_none(self._page), ""),
                _Check("the login answers", _login("/v2/login", _LITELLM_LOGIN), _or_none(_lets_nobody_in), ""),
                _Check("metrics are scraped", Asked(path="/metrics/", method="GET"), _or_none(_metrics("litellm_"))),
            ]
        found = [self._result(check) for check in checks]
        if self._kind is Kind.GLOWPLUG:
            found.append(self._login())
        return found

    def _login(self) -> Result:
        name = "somebody logs in and out"
        self._progress(name)
        begun = self._clock.monotonic()
        outcome, detail = Outcome.FAILED, ""
        try:
            outcome, detail = Outcome.OK, log_in(self._server)
        except NotAsked as why:
            outcome, detail = Outcome.SKIPPED, str(why)
        except NotLetIn as why:
            detail = str(why)
        except OSError as error:
            detail = f"no answer: {error}"
        seconds = self._clock.monotonic() - begun
        return Result(subject="server", check=name, outcome=outcome, seconds=seconds, detail=detail)

    def _result(self, check: _Check) -> Result:
        self._progress(check.name)
        result = Result(subject="server", check=check.name, outcome=Outcome.FAILED)
        try:
            answer = self._server.ask(check.asked, QUICK_S, key=check.key)
            seen = check.judge(answer)
        except OSError as error:
            return msgspec.structs.replace(result, detail=f"no answer: {error}")
        outcome = Outcome.FAILED if seen.wrong else Outcome.SKIPPED if seen.skipped else Outcome.OK
        return msgspec.structs.replace(
            result, outcome=outcome, seconds=answer.total, first=answer.first,
            detail=seen.wrong or seen.skipped or seen.detail,
        )  # fmt: skip

    def _refused(self, answer: Answer) -> _Seen:
        if answer.status in (401, 403):
            return _Seen()
        if self._kind is Kind.LITELLM and answer.status == 400 and _NO_DATABASE in answer.body:
            return _Seen(detail="with 400, for it has no database")
        if not self._keyed and answer.status == 200:
            return _Seen(skipped="it wants no key")
        return _Seen(wrong=f"status {answer.status} instead of 401")

    def _page(self, answer: Answer) -> _Seen:
        """The page, and the program that it consists of.  Raises OSError."""
        if answer.status == 503 and b"not built" in answer.body:
            return _Seen(skipped="it was installed without its page; `make ui` builds it")
        if answer.status != 200 or "html" not in answer.headers.get("content-type", ""):
            return _Seen(wrong=f"status {answer.status} and no page: {error_text(answer.body)}")
        if (script := _SCRIPT.search(answer.body)) is None:
            return _Seen(wrong="the page has no program")
        path = script[1].decode(errors="replace")
        program = self._server.ask(Asked(path=path, method="GET"), QUICK_S, key="")
        if program.status != 200 or "javascript" not in program.headers.get("content-type", ""):
            return _Seen(wrong=f"status {program.status} and no program at {path}")
        return _Seen(detail=f"its program has {len(program.body) // 1024} KiB")


def _login(path: str, members: dict[str, str]) -> Asked:
    return Asked(path=path, body=msgspec.json.encode(members))


def _lets_nobody_in(answer: Answer) -> _Seen:
    # 429: somebody has tried too often of late, this test perhaps.
    if answer.status in (401, 403, 429):
        return _Seen(detail="a wrong password is refused")
    return _Seen(wrong=f"status {answer.status} for a wrong password instead of 401")


def _metrics(name: str) -> Callable[[Answer], _Seen]:
    def judge(answer: Answer) -> _Seen:
        if answer.status != 200:
            return _Seen(wrong=f"status {answer.status}: {error_text(answer.body)}")
        return _Seen() if name.encode() in answer.body else _Seen(wrong=f"there is no {name} among them")

    return judge


def _or_none(judge: Callable[[Answer], _Seen]) -> Callable[[Answer], _Seen]:
    """The same, where it is no fault not to have it."""
    return lambda answer: _Seen(skipped="it has none") if answer.status == 404 else judge(answer)
