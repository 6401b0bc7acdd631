"""A cold start, from memory at rest to memory at rest: what is promised about local models, measured from outside."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec

from glowplug.clock import Clock
from glowplug.smoke.asking import Server
from glowplug.smoke.plan import Known, probes_for
from glowplug.smoke.probes import Asked, Promise, error_text, verdict
from glowplug.smoke.report import Outcome, Result
from glowplug.units import format_size

_QUICK_S = 15.0
_UNLOAD_S = 120.0
_KEEP_S = 1
_STEP_S = 0.2


class _Stopped(Exception):
    """The next step makes no sense; the message says why."""


class Cold:
    """Loads models that are not loaded, lets them go again, and looks at the memory meanwhile."""

    def __init__(
        self, server: Server, clock: Clock, seconds: float, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._server = server
        self._clock = clock
        self._seconds = seconds
        self._sleep = sleep

    def check(self, model: Known) -> list[Result]:
        """At rest → answered → unloaded after it was idle → at rest again; it ends with the first that fails."""
        found: list[Result] = []

        def note(name: str, outcome: Outcome, begun: float, detail: str, first: float = 0.0) -> None:
            lasted = self._clock.monotonic() - begun
            found.append(
                Result(
                    subject=model.name,
                    check=name,
                    outcome=outcome,
                    seconds=lasted,
                    first=first,
                    detail=detail,
                    served=model.name,
                )
            )

        begun = self._clock.monotonic()
        name = "cold: at rest before"
        try:
            self._rest(model.name)
            note(name, Outcome.OK, begun, "no memory held")
            name, begun = "cold: first answer", self._clock.monotonic()
            detail, first = self._answer(model)
            note(name, Outcome.OK, begun, detail, first)
            name, begun = "cold: unloaded when idle", self._clock.monotonic()
            self._unloaded(model.name)
            note(name, Outcome.OK, begun, f"kept for {_KEEP_S} s after the answer")
            name, begun = "cold: memory is back", self._clock.monotonic()
            self._nothing_held(model.name)
            note(name, Outcome.OK, begun, "no memory held")
        except _Stopped as why:
            busy = str(why).startswith("busy")
            note(name, Outcome.SKIPPED if busy else Outcome.FAILED, begun, str(why))
        except OSError as error:
            note(name, Outcome.FAILED, begun, f"no answer: {error}")
        return found

    def _rest(self, model: str) -> None:
        instance = self._instance(model)
        if instance.get("leases") or instance.get("waiting"):
            raise _Stopped("busy: somebody is using it now")
        if instance.get("state") not in ("stopped", "failed"):
            self._get(f"/admin/models/{model}/stop", "POST")
        self._until(model, "it does not stop")
        self._nothing_held(model)

    def _answer(self, model: Known) -> tuple[str, float]:
        probes = probes_for(model)
        if not probes:
            raise _Stopped("busy: nothing is known that it could be asked")
        asked = probes[0].ask(model.name)
        asked = Asked(
            path=asked.path, body=asked.body, media=asked.media,
            headers={**asked.headers, "x-glowplug-keep-alive": f"{_KEEP_S}s", "x-glowplug-fallback": "off"},
        )  # fmt: skip
        answer = self._server.ask(asked, self._seconds)
        said = verdict(probes[0], answer, Promise())
        if said.wrong:
            raise _Stopped(said.wrong)
        held = self._held(model.name)
        return f"{format_size(held)} held; {said.detail}" if held else said.detail, answer.first

    def _unloaded(self, model: str) -> None:
        self._until(model, f"it is still loaded {_UNLOAD_S:.0f} s after its last answer")

    def _until(self, model: str, otherwise: str) -> None:
        end = self._clock.monotonic() + _UNLOAD_S
        while self._instance(model).get("state") not in ("stopped", "failed"):
            if self._clock.monotonic() > end:
                raise _Stopped(otherwise)
            self._sleep(_STEP_S)

    def _nothing_held(self, model: str) -> None:
        if held := self._held(model):
            raise _Stopped(f"{format_size(held)} are still held")

    def _held(self, model: str) -> int:
        """Bytes that its engine holds on all devices, as they are measured."""
        devices = self._get("/admin/memory").get("data") or []
        return sum(int(device.get("ours", {}).get(model, 0)) for device in devices)

    def _instance(self, model: str) -> dict[str, Any]:
        rows = self._get("/admin/instances").get("data") or []
        found = next((row for row in rows if row.get("model") == model), None)
        if found is None:
            raise _Stopped("the server knows no engine of that name")
        return dict(found)

    def _get(self, path: str, method: str = "GET") -> dict[str, Any]:
        answer = self._server.ask(Asked(path=path, method=method), _QUICK_S + (_UNLOAD_S if method == "POST" else 0))
        if answer.status >= 300:
            raise _Stopped(f"{path} answers {answer.status}: {error_text(answer.body)}")
        try:
            said = msgspec.json.decode(answer.body)
        except msgspec.DecodeError:
            raise _Stopped(f"{path} does not answer as Glowplug does") from None
        return said if isinstance(said, dict) else {}
