"""Containers that are started with the machine: docker's, and podman's, which is asked in the same words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Final

from glowplug.doctor.actions import Command
from glowplug.doctor.base import Check, CouldNotLook, NothingToLookAt, Remedy
from glowplug.doctor.loading import loads
from glowplug.doctor.site import NoSuchProgram, Site
from glowplug.doctor.starters import RISK, Measure, Starter, finding
from glowplug.domain.finding import Finding, Group

_SECONDS: Final = 20.0
_POLICY: Final = "{{.HostConfig.RestartPolicy.Name}}"
_FORMAT: Final = (
    '{"image": {{json .Config.Image}}, "restart": {{json .HostConfig.RestartPolicy.Name}},'
    ' "path": {{json .Path}}, "args": {{json .Args}}, "mounts": {{json .Mounts}}}'
)
_NO_DAEMON: Final = "Cannot connect to the Docker daemon"
_REFUSED: Final = "permission denied"
_ALWAYS: Final = ("always", "unless-stopped")


class Containers(Check[tuple[Starter, ...]]):
    """What the checks of both have in common."""

    group = Group.MACHINE
    program: ClassVar[str]

    def gather(self, site: Site) -> tuple[Starter, ...]:
        return tuple(self.containers(Measure(site)))

    def containers(self, measure: Measure) -> Iterator[Starter]:
        """Raises NothingToLookAt where the program is not there, CouldNotLook where it does not let us look."""
        program, site = self.program, measure.site
        try:
            listed = site.run((program, "ps", "--all", "--format", "{{.Names}}"), _SECONDS)
        except NoSuchProgram:
            raise NothingToLookAt(f"{program} is not installed") from None
        if listed.code and _NO_DAEMON in listed.err and _REFUSED not in listed.err:
            raise NothingToLookAt(f"{program} does not run")
        if listed.code:
            why = listed.err.strip().splitlines()[-1:] or [f"it ended with {listed.code}"]
            raise CouldNotLook(f"{program} does not tell its containers: {why[0]}")
        for name in listed.out.split():
            told = site.run((program, "inspect", "--format", _FORMAT, name), _SECONDS)
            try:
                one = json.loads(told.out) if told.code == 0 else {}
            except ValueError:
                continue
            yield from self._container(measure, name, one)

    def _container(self, measure: Measure, name: str, one: dict[str, Any]) -> Iterator[Starter]:
        policy, program = str(one.get("restart") or ""), self.program
        command = " ".join(map(str, (one.get("image") or "", one.get("path") or "", *(one.get("args") or ()))))
        found = loads(command)
        if policy not in _ALWAYS or found is None:
            return
        probe = (program, "inspect", "--format", _POLICY, name)
        action = Command(
            argv=(program, "update", "--restart=no", name), back=(program, "update", f"--restart={policy}", name),
            probe=probe, before=policy, after="no", why=f"let the container {name} stay off after a restart",
        )  # fmt: skip
        mounts = {str(m.get("Destination")): str(m.get("Source")) for m in one.get("mounts") or () if m.get("Source")}
        evidence = f"restart policy {policy}, image {one['image']}"
        yield measure.starter(f"container {name}", evidence, found, [action], mounts=mounts)

    def inspect(self, facts: tuple[Starter, ...]) -> Sequence[Finding]:
        return [finding(self.name, one) for one in facts]

    def remedy(self, facts: tuple[Starter, ...]) -> Remedy | None:
        return Remedy(actions=[action for one in facts for action in one.actions], risk=RISK)
