"""A cold start, from memory at rest to memory at rest: what is promised about local models, measured from outside.

A model that was loaded is loaded again afterwards, however it ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import msgspec

from glowplug.clock import Clock
from glowplug.smoke.asking import Server
from glowplug.smoke.plan import Known, probes_for
from glowplug.smoke.probes import Asked, error_text, verdict
from glowplug.smoke.report import Outcome, Result
from glowplug.units import format_size

_QUICK_S = 15.0
_UNLOAD_S = 120.0
_KEEP_S = 1
_STEP_S = 0.2
_NOISE = 256 << 20
"""Bytes by which the rest of a machine comes and goes meanwhile."""
_AT_REST: Final = ("stopped", "failed")


@dataclass(frozen=True)
class Device:
    """One device's memory at one moment, in bytes."""

    name: str
    held: int
    """By the engine in question."""
    used: int | None
    """By everybody; None where it is not known."""


def _in_use(devices: Sequence[Device]) -> str:
    return ", ".join(f"{format_size(one.used)} of {one.name} in use" for one in devices if one.used is not None)


def _lost(before: Sequence[Device], after: Sequence[Device], held: Sequence[Device]) -> str:
    """Where more than half of what the engine held is in use still, by whomever."""
    taken = {one.name: one.held for one in held}
    for first, last in zip(before, after, strict=False):
        if first.used is None or last.used is None or first.name != last.name:
            continue
        more, most = last.used - first.used, max(taken.get(first.name, 0) // 2, _NOISE)
        if more > most:
            return f"{format_size(more)} more of {first.name} are in use than before; `glowplug memory` says by whom"
    return ""


class _Stopped(Exception):
    """The next step makes no sense; the message says why."""


class _Refused(_Stopped):
    """The server did nothing."""


class Cold:
    """Loads models that are not loaded, lets them go again, and looks at the memory meanwhile."""

    def __init__(
        self, server: Server, clock: Clock, seconds: float, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._server = server
        self._clock = clock
        self._seconds = seconds
        self._sleep = sleep
        self._stopped = False
        """Whether the model that is looked at was told to stop."""

    def check(self, model: Known) -> list[Result]:
        """At rest → answered → unloaded after it was idle → at rest again; it ends with the first that fails.

        What was stopped for it is loaded again, also when somebody interrupts it.
        """
        found: list[Result] = []
        self._stopped = False
        wait = 0.0
        try:
            self._steps(model, found)
            wait = self._seconds
        finally:
            if self._stopped:
                self._put_back(model, found, wait)
        return found

    def _steps(self, model: Known, found: list[Result]) -> None:
        def note(name: str, outcome: Outcome, begun: float, detail: str, first: float = 0.0) -> None:
            found.append(self._result(model, name, outcome, begun, detail, first))

        begun = self._clock.monotonic()
        name = "cold: at rest before"
        try:
            before = self._rest(model.name)
            note(name, Outcome.OK, begun, f"no memory held; {_in_use(before)}")
            name, begun = "cold: first answer", self._clock.monotonic()
            detail, first, held = self._answer(model)
            note(name, Outcome.OK, begun, detail, first)
            name, begun = "cold: unloaded when idle", self._clock.monotonic()
            self._unloaded(model.name)
            note(name, Outcome.OK, begun, f"kept for {_KEEP_S} s after the answer")
            name, begun = "cold: memory is back", self._clock.monotonic()
            after = self._nothing_held(model.name)
            lost = _lost(before, after, held)
            note(name, Outcome.DOUBT if lost else Outcome.OK, begun, lost or f"no memory held; {_in_use(after)}")
        except _Stopped as why:
            busy = str(why).startswith("busy")
            note(name, Outcome.SKIPPED if busy else Outcome.FAILED, begun, str(why))
        except OSError as error:
            note(name, Outcome.FAILED, begun, f"no answer: {error}")

    def _put_back(self, model: Known, found: list[Result], wait: float) -> None:
        """Load what was stopped, to be kept as long as usual.  `wait`: seconds to see that it is loaded."""
        begun = self._clock.monotonic()
        outcome, detail = Outcome.OK, "it was loaded before"
        try:
            state = self._get(f"{_path(model.name)}/start?wait={wait:g}", "POST", wait + _QUICK_S).get("state")
            if state not in ("ready", "busy"):
                outcome, detail = Outcome.DOUBT, f"it is still {state} after {wait:g} s"
        except _Stopped as why:
            outcome, detail = Outcome.FAILED, str(why)
        except OSError as error:
            outcome, detail = Outcome.FAILED, f"no answer: {error}"
        found.append(self._result(model, "cold: loaded again", outcome, begun, detail))

    def _result(
        self, model: Known, name: str, outcome: Outcome, begun: float, detail: str, first: float = 0.0
    ) -> Result:
        return Result(
            subject=model.name, check=name, outcome=outcome, seconds=self._clock.monotonic() - begun, first=first,
            detail=detail, served=model.name,
        )  # fmt: skip

    def _rest(self, model: str) -> list[Device]:
        instance = self._instance(model)
        if instance.get("leases") or instance.get("waiting"):
            raise _Stopped("busy: somebody is using it now")
        if instance.get("state") not in _AT_REST:
            self._stopped = True
            try:
                self._get(f"{_path(model)}/stop", "POST", _QUICK_S + _UNLOAD_S)
            except _Refused:
                self._stopped = False
                raise
        self._until(model, "it does not stop")
        return self._nothing_held(model)

    def _answer(self, model: Known) -> tuple[str, float, list[Device]]:
        probes = probes_for(model)
        if not probes:
            raise _Stopped("busy: nothing is known that it could be asked")
        asked = probes[0].ask(model.name)
        asked = Asked(
            path=asked.path, body=asked.body, media=asked.media,
            headers={**asked.headers, "x-glowplug-keep-alive": f"{_KEEP_S}s", "x-glowplug-fallback": "off"},
        )  # fmt: skip
        answer = self._server.ask(asked, self._seconds)
        said = verdict(probes[0], answer, model.promise)
        if said.wrong:
            raise _Stopped(said.wrong)
        devices = self._devices(model.name)
        held = sum(device.held for device in devices)
        return f"{format_size(held)} held; {said.detail}" if held else said.detail, answer.first, devices

    def _unloaded(self, model: str) -> None:
        self._until(model, f"it is still loaded {_UNLOAD_S:.0f} s after its last answer")

    def _until(self, model: str, otherwise: str) -> None:
        end = self._clock.monotonic() + _UNLOAD_S
        while self._instance(model).get("state") not in _AT_REST:
            if self._clock.monotonic() > end:
                raise _Stopped(otherwise)
            self._sleep(_STEP_S)

    def _nothing_held(self, model: str) -> list[Device]:
        devices = self._devices(model)
        if held := sum(device.held for device in devices):
            raise _Stopped(f"{format_size(held)} are still held")
        return devices

    def _devices(self, model: str) -> list[Device]:
        """What its engine holds on every device, and what all hold there, as they are measured."""
        return [
            Device(
                name=str(row.get("name") or row.get("id")),
                held=int(row.get("ours", {}).get(model, 0)),
                used=int(used) if (used := row.get("used")) is not None else None,
            )
            for row in self._get("/admin/memory").get("data") or []
        ]

    def _instance(self, model: str) -> dict[str, Any]:
        rows = self._get("/admin/instances").get("data") or []
        found = next((row for row in rows if row.get("model") == model), None)
        if found is None:
            raise _Stopped("the server knows no engine of that name")
        return dict(found)

    def _get(self, path: str, method: str = "GET", seconds: float = _QUICK_S) -> dict[str, Any]:
        answer = self._server.ask(Asked(path=path, method=method), seconds)
        if answer.status >= 300:
            kind = _Refused if answer.status < 500 else _Stopped
            raise kind(f"{path} answers {answer.status}: {error_text(answer.body)}")
        try:
            said = msgspec.json.decode(answer.body)
        except msgspec.DecodeError:
            raise _Stopped(f"{path} does not answer as Glowplug does") from None
        return said if isinstance(said, dict) else {}


def _path(model: str) -> str:
    return f"/admin/models/{quote(model, safe='')}"
