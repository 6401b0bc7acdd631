"""A module of the kernel: whether it is loaded, and whether it is the one that lies on the disk."""

from __future__ import annotations

from typing import Final

from glowplug.doctor.site import NoSuchProgram, Site

_SECONDS: Final = 10.0


def said_of(site: Site, module: str, field: str) -> str:
    """What a loaded module says of itself (`version`, `srcversion`); empty where it does not, or is not loaded."""
    path = f"/sys/module/{module}/{field}"
    return site.text(path).strip() if site.real(path).is_file() else ""


def on_disk(site: Site, module: str, field: str) -> str:
    """The same of the one that would be loaded; empty where there is none, or nobody can say."""
    try:
        ran = site.run(("modinfo", "-F", field, module), _SECONDS)
    except (NoSuchProgram, TimeoutError, OSError):
        return ""
    return ran.out.strip() if ran.code == 0 else ""


def loaded(site: Site, module: str) -> bool:
    """Whether the kernel has it."""
    return site.real(f"/sys/module/{module}").is_dir()
