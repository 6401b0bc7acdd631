"""Labels: one for each limit there is, and no two the same."""

from __future__ import annotations

from glowplug.domain.access import Role
from glowplug.domain.budget import Scope, UseLimit
from glowplug.domain.snapshot import AliasRoute, KeyRoute, ModelRoute
from glowplug.routing.labels import CONCURRENCY, RPM, label, labels, limit_label, period_label


def test_every_limit_has_its_own() -> None:
    models = [ModelRoute(name="a", local=True, upstream_model="a", rpm=1, tpm=1, max_concurrency=1)]
    aliases = [AliasRoute(name="a", targets=("a",), rpm=1)]
    keys = [KeyRoute(id="a", digest=b"", role=Role.USER, rpm=1, tpm=1, concurrency=1)]
    limits = [UseLimit(scope=scope, name="a", rpm=1, tpm=1, concurrency=1) for scope in Scope]
    found = list(labels(models, aliases, keys, limits))
    assert len(found) == len(set(found)) == 2 + 1 + 3 + 3 * len(Scope)
    assert label(RPM, 1, Scope.KEY, "a") in found
    assert limit_label(CONCURRENCY, 1, limits[0]) in found


def test_nothing_without_an_amount() -> None:
    assert list(labels([], [AliasRoute(name="a", targets=())], [], [UseLimit(scope=Scope.ALL)])) == []


def test_another_amount_and_another_window_are_something_else() -> None:
    assert label(RPM, 1, "key", "a") != label(RPM, 2, "key", "a")
    assert period_label("b", 0.0) != period_label("b", 60.0)
