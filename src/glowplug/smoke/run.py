"""A run: one task after the other, so that nothing waits for a sibling and every time is its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec

from glowplug.clock import Clock
from glowplug.errors import UpstreamError
from glowplug.smoke import fallbacks
from glowplug.smoke.asking import Server
from glowplug.smoke.cold import Cold
from glowplug.smoke.foreign import DESCRIPTIONS, described
from glowplug.smoke.itself import QUICK_S, Itself, Kind
from glowplug.smoke.plan import Known, Task, known, tasks
from glowplug.smoke.probes import Answer, Asked, error_text, verdict
from glowplug.smoke.report import Outcome, Result

Progress = Callable[[str], None]
LOG_LINES = 12


class Smoke:
    """Asks one server.

    `ours`: it is a Glowplug and the key may use its admin API, so engines can be looked at.  `keyed`: a key is used.
    """

    def __init__(
        self, server: Server, clock: Clock, progress: Progress, *, ours: bool, seconds: float, keyed: bool = True
    ) -> None:
        self._server = server
        self._clock = clock
        self._progress = progress
        self._ours = ours
        self._kind = Kind.GLOWPLUG if ours else Kind.OTHER
        self._keyed = keyed
        self._seconds = seconds
        self._sizes: dict[str, int] = {}
        """Dimensions of the vectors that were seen, by the name that was asked."""

    def models(self) -> list[Known]:
        """What can be asked.  Raises UpstreamError when nobody says."""
        try:
            answer = self._server.ask(Asked(path="/v1/models", method="GET"), QUICK_S)
        except OSError as error:
            raise UpstreamError(f"{self._server.name} does not answer: {error}", hint="is it running?") from None
        if answer.status != 200:
            raise UpstreamError(
                f"{self._server.name} does not list its models (status {answer.status}: {error_text(answer.body)})",
                hint="give a key that may, with --key",
            )
        try:
            models = known(msgspec.json.decode(answer.body))
        except (msgspec.DecodeError, AttributeError, TypeError):
            raise UpstreamError(f"{self._server.name} lists its models in a shape that is not OpenAI's") from None
        return models if self._ours else self._described(models)

    def _described(self, models: list[Known]) -> list[Known]:
        """With what a LiteLLM says of its models; another server has said all with their names."""
        try:
            answer = self._server.ask(DESCRIPTIONS, QUICK_S)
        except OSError:
            return models
        more = described(models, answer)
        if more is None:
            return models
        self._kind = Kind.LITELLM
        return more

    def run(self, models: Sequence[Known], *, cold: bool, server: bool) -> list[Result]:
        """Everything: the server itself, each cold start, each task."""
        found: list[Result] = []
        if server:
            found += Itself(self._server, self._clock, self._progress, self._kind, keyed=self._keyed).check()
        if cold:
            starts = Cold(self._server, self._clock, self._seconds)
            for model in models:
                if model.local:
                    self._progress(f"{model.name}: cold start")
                    found += [self._with_log(result) for result in starts.check(model)]
        todo = tasks(models, fallbacks=self._ours)
        if self._kind is Kind.LITELLM:
            more, unknown = self._fallbacks(models)
            todo += more
            found += unknown
        for task in todo:
            self._progress(f"{task.model}: {task.title}")
            found.append(self._with_log(self._task(task)))
        return found

    def _fallbacks(self, models: Sequence[Known]) -> tuple[list[Task], list[Result]]:
        """Who is behind the models of a LiteLLM; a result instead where it does not say."""
        found: list[Task] = []
        for kind in fallbacks.KINDS:
            why = "this server does not say which it has"
            try:
                behind = fallbacks.told(self._server.ask(fallbacks.question(kind), QUICK_S))
            except OSError as error:
                behind, why = None, f"no answer: {error}"
            if behind is None:
                return [], [
                    Result(subject="server", check="fallbacks", outcome=Outcome.SKIPPED, detail=f"not asked: {why}")
                ]
            found += fallbacks.tasks(kind, models, behind)
        return found, []

    def _task(self, task: Task) -> Result:
        asked = task.probe.ask(task.model)
        if task.skip:
            asked = replace(asked, headers={**asked.headers, "x-glowplug-skip": task.skip})
        if task.member:
            asked = fallbacks.failing(asked, task.member)
        result = Result(subject=task.model, check=task.title, outcome=Outcome.FAILED)
        try:
            answer = self._server.ask(asked, self._seconds)
        except OSError as error:
            return msgspec.structs.replace(result, detail=f"no answer: {error}")
        if task.member and (why := fallbacks.locked(answer)):
            return msgspec.structs.replace(result, outcome=Outcome.SKIPPED, detail=why)
        said = verdict(task.probe, answer, task.promise)
        served = _served(answer, task)
        wrong = said.wrong
        if not wrong and task.expected and served not in task.expected:
            wrong = f"{served or 'nobody knows who'} answered instead of {' or '.join(task.expected)}"
        usual = self._sizes.setdefault(task.model, said.dimensions) if said.dimensions else 0
        if not wrong and said.dimensions != usual:
            wrong = f"{said.dimensions} dimensions, and {usual} when another target answers: they cannot be compared"
        outcome = Outcome.FAILED if wrong else Outcome.DOUBT if said.doubt else Outcome.OK
        detail = wrong or (f"{said.doubt}; {said.detail}" if said.doubt and said.detail else said.doubt or said.detail)
        return msgspec.structs.replace(
            result, outcome=outcome, seconds=answer.total, first=answer.first, detail=detail, served=served
        )

    def _with_log(self, result: Result) -> Result:
        """What the engine wrote last, when it failed."""
        if result.outcome is not Outcome.FAILED or not self._ours:
            return result
        asked = Asked(path=f"/admin/models/{result.served or result.subject}/logs?lines={LOG_LINES}", method="GET")
        try:
            answer = self._server.ask(asked, QUICK_S)
        except OSError:
            return result
        lines = answer.body.decode(errors="replace").splitlines() if answer.status == 200 else []
        return msgspec.structs.replace(result, log=tuple(lines[-LOG_LINES:]))


def _served(answer: Answer, task: Task) -> str:
    if task.member:
        return fallbacks.served(answer)
    return answer.headers.get("x-glowplug-model") or answer.headers.get("x-litellm-model-id", "")
