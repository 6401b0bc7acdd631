"""Containers of podman's that load models whenever the machine starts: by a restart policy, or by a unit of Quadlet's.

Format: podman-systemd.unit(5).  A file `NAME.container` with an `[Install]` section is a unit that is enabled.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from glowplug.doctor.actions import WriteFile
from glowplug.doctor.base import NothingToLookAt
from glowplug.doctor.containers import Containers
from glowplug.doctor.loading import loads
from glowplug.doctor.site import Site
from glowplug.doctor.starters import Measure, Starter
from glowplug.doctor.units import values

_FOLDERS: Final = ("/etc/containers/systemd", "/usr/share/containers/systemd", "/etc/containers/systemd/users")
_WANTED: Final = ("WantedBy", "RequiredBy")


class BootPodman(Containers):
    """A container that systemd starts, or podman itself."""

    name = "machine-boot-podman"
    title = "No container of podman's loads a model at boot"
    program = "podman"

    def gather(self, site: Site) -> tuple[Starter, ...]:
        measure = Measure(site)
        units = tuple(_units(measure))
        try:
            return (*units, *self.containers(measure))
        except NothingToLookAt:
            if units:
                return units
            raise


def _units(measure: Measure) -> Iterator[Starter]:
    site = measure.site
    for folder in (str(site.home / ".config/containers/systemd"), *_FOLDERS):
        for path in site.glob(folder, "*.container"):
            data = site.real(path).read_bytes()
            text = data.decode(errors="surrogateescape")
            said = [value for key in ("Image", "Exec") for value in values(text, "Container", key)]
            found = loads(" ".join(said))
            if found is None or not any(values(text, "Install", key) for key in _WANTED):
                continue
            lines = text.splitlines(keepends=True)
            after = "".join(f"# {line}" if line.lstrip().startswith(_WANTED) else line for line in lines)
            new, why = after.encode(errors="surrogateescape"), f"disable {path.name} (its file {path} stays)"
            action = WriteFile(path=str(path), before=data, after=new, why=why)
            volumes = [volume.split(":") for volume in values(text, "Container", "Volume") if ":" in volume]
            mounts = {inside: outside for outside, inside, *_ in volumes}
            yield measure.starter(str(path), "; ".join(said), found, [action], mounts=mounts)
