"""Which checks there are: a row here for each of ours, and the entry points `glowplug.doctor` of other packages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Final

from glowplug.doctor.base import Check
from glowplug.errors import GlowplugError, NotFound

ROWS: Final = (
    # A LiteLLM installation, by its database, its files and its port.
    ("litellm_sealed_fields", "SealedFields"),
    ("litellm_daily_drift", "DailyDrift"),
    ("litellm_duplicate_days", "DuplicateDays"),
    ("litellm_unique_indexes", "UniqueIndexes"),
    ("litellm_references", "MissingReferences"),
    ("litellm_migrations", "MigrationState"),
    ("litellm_settings_override", "SettingsOverride"),
    ("litellm_weak_secrets", "WeakSecrets"),
    ("litellm_forced_binaries", "ForcedBinaries"),
    ("litellm_compromised", "Compromised"),
    ("litellm_session_keys", "StaleSessionKeys"),
    ("litellm_answers", "Answers"),
    # Models and routes, ours and LiteLLM's.
    ("models_dangling_routes", "DanglingRoutes"),
    ("models_no_way_out", "NoWayOut"),
    ("models_unbounded", "Unbounded"),
    ("models_kept_forever", "KeptForever"),
    ("models_ollama_keeps", "OllamaKeeps"),
    ("models_context", "Context"),
    ("models_files", "Files"),
    ("models_names", "Names"),
    ("models_one_port", "OnePort"),
    ("models_unreachable", "Unreachable"),
    ("models_duplicates", "Duplicates"),
    # The machine.
    ("machine_boot_loads", "BootLoads"),
    ("machine_boot_cron", "BootCron"),
    ("machine_boot_docker", "BootDocker"),
    ("machine_boot_podman", "BootPodman"),
    ("machine_double_units", "DoubleUnits"),
    ("machine_unit_verify", "UnitVerify"),
    ("machine_linger", "Linger"),
    ("machine_secret_files", "SecretFiles"),
    ("machine_gpu_driver", "GpuDriver"),
    ("machine_gpu_answers", "GpuAnswers"),
    ("machine_amd_driver", "AmdDriver"),
    ("machine_amd_answers", "AmdAnswers"),
    ("machine_gpu_unused", "GpuUnused"),
    ("machine_gpu_orphans", "GpuOrphans"),
    ("machine_ports", "Ports"),
    ("machine_disk", "Disk"),
    ("machine_clock", "Clock"),
    # Ourselves.
    ("ourselves_configuration", "Configuration"),
    ("ourselves_schema", "SchemaRevision"),
    ("ourselves_sealed", "SealedValues"),
    ("ourselves_journal", "Journal"),
    ("ourselves_ledger", "Ledger"),
    ("ourselves_orphans", "Orphans"),
    ("ourselves_leaks", "Leaks"),
    ("ourselves_estimates", "Estimates"),
    ("ourselves_snapshot", "Snapshot"),
    ("ourselves_version", "Version"),
    ("ourselves_release", "Release"),
    ("ourselves_certificates", "Certificates"),
)
"""Module of `glowplug.doctor.checks`, and the class in it; in the order in which they are shown."""
ENTRY_POINTS: Final = "glowplug.doctor"


class Broken(GlowplugError):
    """A check of another package that cannot be used."""

    status = 500
    type = "configuration_error"
    default_code = "check_broken"


def ours() -> list[Check[Any]]:
    """Our own checks."""
    return [getattr(import_module(f"glowplug.doctor.checks.{module}"), name)() for module, name in ROWS]


def all_checks() -> list[Check[Any]]:
    """Ours and those of other packages.  Raises Broken for one of theirs that cannot be imported or is no check."""
    found = ours()
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        try:
            check = point.load()()
        except (ImportError, AttributeError, TypeError) as error:
            raise Broken(f"the check {point.name} of {point.value} cannot be used: {error}") from None
        if not isinstance(check, Check):
            raise Broken(f"{point.value} is no check", hint="it must be a subclass of glowplug.doctor.base.Check")
        found.append(check)
    return found


def chosen(checks: Sequence[Check[Any]], names: Iterable[str], *, slow: bool) -> list[Check[Any]]:
    """Those that were named, also the slow ones, or all of a group; without names all that are not slow, or all.

    Raises NotFound for a name that nobody has.
    """
    wanted = list(dict.fromkeys(names))
    known = {check.name for check in checks} | {check.group.value for check in checks}
    for name in wanted:
        if name not in known:
            raise NotFound(f"there is no check {name!r}", hint="`glowplug doctor --list` shows them")
    if not wanted:
        return [check for check in checks if slow or not check.slow]
    return [
        check for check in checks if check.name in wanted or (check.group.value in wanted and (slow or not check.slow))
    ]
