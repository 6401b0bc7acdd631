"""One run of the doctor: every check by itself, so that one that cannot look stops none of the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from glowplug.doctor.base import Check, CouldNotLook, NothingToLookAt, Remedy
from glowplug.doctor.repair import Repairs
from glowplug.doctor.site import NoSuchProgram, Site
from glowplug.domain.finding import Examination, Looked, Repaired
from glowplug.errors import GlowplugError

Progress = Callable[[str], None]
"""Is told the title of the check that begins."""


def _quiet(_title: str) -> None:
    """Nobody watches."""


def look(check: Check[Any], site: Site) -> tuple[Looked, Remedy | None]:
    """Gather and judge; nothing is changed."""
    begun = site.clock.monotonic()
    looked = Looked(check=check.name, title=check.title, group=check.group)
    remedy: Remedy | None = None
    try:
        facts = check.gather(site)
    except NothingToLookAt as why:
        looked = msgspec.structs.replace(looked, skipped=str(why))
    except (CouldNotLook, TimeoutError) as why:
        looked = msgspec.structs.replace(looked, could_not=str(why))
    except NoSuchProgram as program:
        looked = msgspec.structs.replace(looked, could_not=f"{program} is not installed")
    except GlowplugError as error:
        looked = msgspec.structs.replace(looked, could_not=error.message)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        looked = msgspec.structs.replace(looked, could_not=f"{where}{error.strerror or error}")
    else:
        findings = tuple(check.inspect(facts))
        remedy = check.remedy(facts) if findings else None
        view = remedy.view(check.name) if remedy is not None and remedy.actions else None
        looked = msgspec.structs.replace(looked, findings=findings, remedy=view)
    return msgspec.structs.replace(looked, seconds=site.clock.monotonic() - begun), remedy


def examine(checks: Sequence[Check[Any]], site: Site, progress: Progress = _quiet) -> Examination:
    """Look at everything; nothing is changed."""
    done = []
    for check in checks:
        progress(check.title)
        done.append(look(check, site)[0])
    return Examination(checks=tuple(done))


def repair(
    checks: Sequence[Check[Any]], site: Site, repairs: Repairs, wanted: Sequence[str], progress: Progress = _quiet
) -> Examination:
    """Look at everything, carry out the remedies of the checks in `wanted` (empty: of all), and look at those again.

    Where a remedy goes on, what is left of everything is looked at once more: one check may wait for another's repair.
    """
    done: dict[str, Looked] = {}
    repaired: list[Repaired] = []
    line, again = list(checks), True
    while line and again:
        again = False
        for check in line:
            progress(check.title)
            looked, did, went_on = _repaired(check, site, repairs, wanted)
            done[check.name] = looked
            repaired += did
            again = again or went_on
        line = [check for check in line if done[check.name].findings]
    return Examination(checks=tuple(done.values()), repaired=tuple(repaired))


def _repaired(
    check: Check[Any], site: Site, repairs: Repairs, wanted: Sequence[str]
) -> tuple[Looked, list[Repaired], bool]:
    """What one check finds after its repairs, these, and whether one of them was a part that was carried out."""
    did: list[Repaired] = []
    looked, remedy = look(check, site)
    while looked.remedy is not None and remedy is not None and (not wanted or check.name in wanted):
        did.append(repairs.carry_out(check.name, remedy))
        looked, then = look(check, site)
        if not (remedy.goes_on and did[-1].done):
            return looked, did, False
        remedy = then
    return looked, did, bool(did)
