"""A run: one task after the other, so that nothing waits for a sibling and every time is its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from glowplug.clock import Clock
from glowplug.errors import UpstreamError
from glowplug.smoke.asking import Server
from glowplug.smoke.cold import Cold
from glowplug.smoke.plan import Known, Task, known, tasks
from glowplug.smoke.probes import Answer, Asked, Promise, error_text, verdict
from glowplug.smoke.report import Outcome, Result

Progress = Callable[[str], None]
LOG_LINES = 12
_QUICK_S = 15.0
_WRONG = "sk-glowplug-smoke-wrong-key"


class Smoke:
    """Asks one server.  `ours`: it is a Glowplug and the key may use its admin API, so engines can be looked at."""

    def __init__(self, server: Server, clock: Clock, progress: Progress, *, ours: bool, seconds: float) -> None:
        self._server = server
        self._clock = clock
        self._progress = progress
        self._ours = ours
        self._seconds = seconds

    def models(self) -> list[Known]:
        """What can be asked.  Raises UpstreamError when nobody says."""
        try:
            answer = self._server.ask(Asked(path="/v1/models", method="GET"), _QUICK_S)
        except OSError as error:
            raise UpstreamError(f"{self._server.name} does not answer: {error}", hint="is it running?") from None
        if answer.status != 200:
            raise UpstreamError(
                f"{self._server.name} does not list its models (status {answer.status}: {error_text(answer.body)})",
                hint="give a key that may, with --key",
            )
        try:
            return known(msgspec.json.decode(answer.body))
        except (msgspec.DecodeError, AttributeError, TypeError):
            raise UpstreamError(f"{self._server.name} lists its models in a shape that is not OpenAI's") from None

    def run(self, models: Sequence[Known], *, cold: bool, server: bool) -> list[Result]:
        """Everything: the server itself, each cold start, each task."""
        found: list[Result] = []
        if server:
            found += self._of_server()
        if cold:
            starts = Cold(self._server, self._clock, self._seconds)
            for model in models:
                if model.local:
                    self._progress(f"{model.name}: cold start")
                    found += [self._with_log(result) for result in starts.check(model)]
        for task in tasks(models, fallbacks=self._ours):
            self._progress(f"{task.model}: {task.title}")
            found.append(self._with_log(self._task(task)))
        return found

    def _task(self, task: Task) -> Result:
        asked = task.probe.ask(task.model)
        if task.skip:
            asked = replace(asked, headers={**asked.headers, "x-glowplug-skip": task.skip})
        result = Result(subject=task.model, check=task.title, outcome=Outcome.FAILED)
        try:
            answer = self._server.ask(asked, self._seconds)
        except OSError as error:
            return msgspec.structs.replace(result, detail=f"no answer: {error}")
        said = verdict(task.probe, answer, Promise())
        served = answer.headers.get("x-glowplug-model") or answer.headers.get("x-litellm-model-id", "")
        wrong = said.wrong
        if not wrong and task.expected and served not in task.expected:
            wrong = f"{served or 'nobody knows who'} answered instead of {' or '.join(task.expected)}"
        outcome = Outcome.FAILED if wrong else Outcome.DOUBT if said.doubt else Outcome.OK
        detail = wrong or (f"{said.doubt}; {said.detail}" if said.doubt and said.detail else said.doubt or said.detail)
        return msgspec.structs.replace(
            result, outcome=outcome, seconds=answer.total, first=answer.first, detail=detail, served=served
        )

    # ---- the server itself

    def _of_server(self) -> list[Result]:
        checks: list[tuple[str, Asked, str | None, Callable[[Answer], str]]] = [
            ("a wrong key is refused", Asked(path="/v1/models", method="GET"), _WRONG, _is_refused),
        ]
        if self._ours:
            body = msgspec.json.encode({"user": "glowplug-smoke", "password": "not the password"})
            checks += [
                ("the login answers", Asked(path="/auth/login", body=body), "", _is_refused),
                ("metrics are scraped", Asked(path="/metrics", method="GET"), None, _has_metrics),
            ]
        return [self._simple(name, asked, key, judge) for name, asked, key, judge in checks]

    def _simple(self, name: str, asked: Asked, key: str | None, judge: Callable[[Answer], str]) -> Result:
        self._progress(name)
        result = Result(subject="server", check=name, outcome=Outcome.FAILED)
        try:
            answer = self._server.ask(asked, _QUICK_S, key=key)
        except OSError as error:
            return msgspec.structs.replace(result, detail=f"no answer: {error}")
        wrong = judge(answer)
        return msgspec.structs.replace(
            result,
            outcome=Outcome.FAILED if wrong else Outcome.OK,
            seconds=answer.total,
            first=answer.first,
            detail=wrong,
        )

    def _with_log(self, result: Result) -> Result:
        """What the engine wrote last, when it failed."""
        if result.outcome is not Outcome.FAILED or not self._ours:
            return result
        asked = Asked(path=f"/admin/models/{result.served or result.subject}/logs?lines={LOG_LINES}", method="GET")
        try:
            answer = self._server.ask(asked, _QUICK_S)
        except OSError:
            return result
        lines = answer.body.decode(errors="replace").splitlines() if answer.status == 200 else []
        return msgspec.structs.replace(result, log=tuple(lines[-LOG_LINES:]))


def _is_refused(answer: Answer) -> str:
    if answer.status in (401, 403):
        return ""
    return f"status {answer.status} instead of 401"


def _has_metrics(answer: Answer) -> str:
    if answer.status != 200:
        return f"status {answer.status}: {error_text(answer.body)}"
    return "" if b"glowplug_requests_total" in answer.body else "they are not Glowplug's"


def rows(answer: Any) -> Iterable[dict[str, Any]]:
    """The rows of a list of the admin API."""
    data = msgspec.json.decode(answer.body).get("data")
    return data if isinstance(data, list) else []
