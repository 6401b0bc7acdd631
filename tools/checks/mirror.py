"""One test file per source file, at the same place: `src/glowplug/wire/link.py` ↔ `tests/wire/test_link.py`.

Tests that would make that file too long may go beside it: `tests/wire/test_link_splits.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from pathlib import Path, PurePosixPath

SOURCES = {"src/glowplug": "tests", "tools": "tests/tools", "bench": "tests/bench"}
"""Folder of sources → folder of their tests."""

FREE = (
    "tests/e2e/",
    "tests/support/",
    "tests/cli/test_scripts.py",
    "tests/engines/test_contract_processes.py",
    "tests/launchers/test_contract.py",
)
"""Tests that mirror no single source file: folders, or a file by name."""

EXCEPTIONS: Mapping[str, str] = {
    "src/glowplug/config/catalogue.py": "a Protocol only; tests/engines/test_catalogue.py tests what fulfils it",
    "src/glowplug/config/kinds.py": "declarations only, like schema.py",
    "src/glowplug/config/readers/litellm/keys_general.py": "a table only, tested in test_keys_top.py",
    "src/glowplug/config/readers/litellm/keys_model.py": "a table only, tested in test_keys_top.py",
    "src/glowplug/config/readers/litellm/keys_settings.py": "a table only, tested in test_keys_top.py",
    "src/glowplug/config/schema.py": "declarations only; the tests of walk, jsonschema and reference read them",
    "src/glowplug/config/schema_models.py": "declarations only, like schema.py",
    "src/glowplug/config/schema_rules.py": "declarations only, like schema.py",
    "src/glowplug/control/services.py": "declarations only",
    "src/glowplug/domain/access.py": "values only",
    "src/glowplug/domain/budget.py": "values only",
    "src/glowplug/domain/footprint.py": "values only",
    "src/glowplug/domain/hardware.py": "values only",
    "src/glowplug/domain/instance.py": "values only",
    "src/glowplug/domain/model.py": "values only",
    "src/glowplug/domain/plan.py": "values only",
    "src/glowplug/domain/scheduling.py": "values only",
    "src/glowplug/domain/snapshot.py": "values only",
    "src/glowplug/domain/usage.py": "values only",
    "src/glowplug/gateway/dialects.py": "a table only; tests/gateway/test_shapes.py puts rows into it",
    "src/glowplug/hardware/base.py": "Protocols and values only",
    "src/glowplug/launchers/base.py": "Protocols and values only; tests/launchers/test_process.py has the rest",
    "src/glowplug/gateway/call_state.py": "values only",
    "src/glowplug/lifecycle/events.py": "values only",
    "src/glowplug/lifecycle/queueing.py": "values only",
    "src/glowplug/usecases/memory.py": "a Protocol only",
    "tools/models/make_tiny_hf.py": "needs torch and transformers; tests/engines/test_vllm_real.py runs it",
    "tools/models/train_demo_chat.py": "needs torch and minutes; tests/e2e/test_demo_models.py judges what it made",
    "src/glowplug/wire/anthropic_values.py": "values only",
    "src/glowplug/wire/openai_values.py": "values only; tested with those who read them",
    "src/glowplug/wire/responses_values.py": "values only",
}
"""Source file → why it has no test file.  An entry that is no longer needed is an error."""


def expected(source: PurePosixPath) -> PurePosixPath | None:
    """Where the tests of a source file belong; None for what needs none (`__init__.py`, `__main__.py`, not Python)."""
    if source.suffix != ".py" or source.name in ("__init__.py", "__main__.py"):
        return None
    for folder, tests in SOURCES.items():
        if source.is_relative_to(folder):
            below = source.relative_to(folder)
            if "migrations" in below.parts:
                return None
            return PurePosixPath(tests) / below.with_name(f"test_{below.name}")
    return None


def _mirrors(test: PurePosixPath, mirrored: Set[PurePosixPath]) -> bool:
    """Whether `test_NAME.py` or `test_NAME_ASPECT.py` belongs to a source file NAME."""
    words = test.stem.split("_")
    return any(test.with_name("_".join(words[:end]) + ".py") in mirrored for end in range(2, len(words) + 1))


def check(_root: Path, files: Sequence[Path], exceptions: Mapping[str, str] = EXCEPTIONS) -> list[str]:
    """One line for each source without tests, each test without source, each exception that nothing needs."""
    paths = {PurePosixPath(file.as_posix()) for file in files}
    wanted = {source: test for source in paths if (test := expected(source)) is not None}
    complaints = [
        f"{source}: has no {test}"
        for source, test in sorted(wanted.items())
        if test not in paths and str(source) not in exceptions
    ]
    mirrored = set(wanted.values())
    complaints += [
        f"{test}: there is no source file of that name; move it, or put it under {FREE[0]}"
        for test in sorted(paths)
        if test.parts[0] == "tests"
        and len(test.parts) > 2
        and test.name.startswith("test_")
        and test.suffix == ".py"
        and not str(test).startswith(FREE)
        and not _mirrors(test, mirrored)
    ]
    for name in sorted(exceptions):
        source = PurePosixPath(name)
        if source not in paths or wanted.get(source) in paths:
            complaints.append(f"{name}: needs no exception any more; take it off the list")
    return complaints
