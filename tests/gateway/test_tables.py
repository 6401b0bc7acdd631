"""From snapshots to tables: what is kept, what is new, what is gone, and how a target stands."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec
import pytest

from glowplug.domain.instance import Endpoint, Failure, FailureKind
from glowplug.domain.model import Capability, Cold, Loading
from glowplug.domain.snapshot import AliasRoute
from glowplug.gateway.kinds import KINDS, kind_named
from glowplug.gateway.tables import Tables
from glowplug.gateway.targets import Instance, Target
from glowplug.gateway.upstream import tcp
from glowplug.routing.plan import Standing
from tests.gateway.rig import KEY, cloud, key, local, snapshot


def _tables(**changes: Any) -> Tables:
    tables = Tables()
    tables.apply(snapshot(**{"models": (), "aliases": (), "keys": (), **changes}))
    return tables


def _instance(loop: asyncio.AbstractEventLoop) -> Instance:
    place = Endpoint(instance="i", model="m", host="127.0.0.1", port=9, key="secret")
    return Instance(place, tcp(loop, "127.0.0.1", 9, None, 1.0))


def test_before_the_first_snapshot() -> None:
    tables = Tables()
    assert not tables.ready
    assert tables.routes == {}
    tables.apply(snapshot(revision=0))
    assert tables.ready


SAME = {"rpm": 5, "headers": {"X-A": "1"}}


@pytest.mark.parametrize(("change", "limiter", "pool"), [
    ({}, True, True),
    ({"api_key": "other"}, True, True),
    ({"headers": {"X-A": "2"}}, True, True),
    ({"first_byte_timeout": 1.0}, True, True),
    ({"unavailable": "no key"}, True, True),
    ({"rpm": 6}, False, True),
    ({"rpm": None}, False, True),
    ({"connect_timeout": 1.0}, True, False),
    ({"guarded": True}, True, False),
    ({"base_url": "http://127.0.0.1:2/v1"}, True, False),
    ({"base_url": "http://127.0.0.1:2/v1", "rpm": 6}, False, False),
])  # fmt: skip
def test_what_a_provider_keeps(
    turned_loop: asyncio.AbstractEventLoop, change: dict[str, Any], limiter: bool, pool: bool
) -> None:
    before = cloud("m", **SAME)
    tables = _tables(models=(before,))
    target = tables.targets["m"]
    old_limiter = target.limiter
    old_pool = target.pool = tcp(turned_loop, "127.0.0.1", 1, None, 1.0)
    target.active = 3
    assert tables.apply(snapshot(models=(msgspec.structs.replace(before, **change),), aliases=())) == []
    assert tables.targets["m"] is target
    assert target.active == 3
    assert (target.limiter is old_limiter) is limiter
    assert (target.pool is old_pool) is pool
    assert old_pool.closed is not pool
    assert target.limiter is None or target.limiter.rpm == change.get("rpm", 5)


def test_what_a_local_model_keeps(turned_loop: asyncio.AbstractEventLoop) -> None:
    tables = _tables(models=(local("m", rpm=5),))
    target = tables.targets["m"]
    instance = target.instance = _instance(turned_loop)
    loading = target.loading = Loading(model="m", state="loading")
    limiter = target.limiter
    assert tables.apply(snapshot(models=(local("m", rpm=5, idle_timeout=1.0),), aliases=())) == []
    assert tables.targets["m"] is target
    assert (target.instance, target.loading, target.limiter) == (instance, loading, limiter)
    assert target.route.idle_timeout == 1.0


@pytest.mark.parametrize("after", [(), (cloud("m"),)])
def test_who_is_no_longer_there_is_handed_back(after: tuple[Any, ...]) -> None:
    tables = _tables(models=(local("m"), local("other")))
    gone = tables.targets["m"]
    assert tables.apply(snapshot(models=(*after, local("other")), aliases=())) == [gone]
    assert tables.targets.get("m") is not gone


@pytest.mark.parametrize("after", [(), (local("m"),)])
def test_the_connections_to_a_provider_that_is_gone_are_closed(
    turned_loop: asyncio.AbstractEventLoop, after: tuple[Any, ...]
) -> None:
    """Nobody sweeps them any more."""
    tables = _tables(models=(cloud("m"),))
    pool = tables.targets["m"].pool = tcp(turned_loop, "127.0.0.1", 1, None, 1.0)
    tables.apply(snapshot(models=after, aliases=()))
    assert pool.closed


def test_keys_keep_their_limiter_and_their_last_use_while_their_rate_is_the_same() -> None:
    tables = _tables(keys=(key(KEY, "k", rpm=5),))
    (one,) = tables.keys.values()
    one.used_at, limiter = 7.0, one.limiter
    tables.apply(snapshot(keys=(key(KEY, "k", rpm=5, models=("m",)),)))
    (again,) = tables.keys.values()
    assert (again.used_at, again.limiter, again.route.models) == (7.0, limiter, ("m",))
    tables.apply(snapshot(keys=(key(KEY, "k", rpm=6),)))
    (again,) = tables.keys.values()
    assert again.limiter is not None
    assert again.limiter.rpm == 6
    tables.apply(snapshot(keys=()))
    assert tables.keys == {}


def test_an_alias_keeps_its_limiter_while_its_rate_is_the_same() -> None:
    alias = AliasRoute(name="a", targets=("m",), rpm=5)
    tables = _tables(models=(cloud("m"),), aliases=(alias,))
    limiter = tables.routes[b'"a"'].limiter
    assert limiter is not None
    changed = msgspec.structs.replace(alias, cold=Cold.REJECT, timeout=1.0)
    tables.apply(snapshot(models=(cloud("m"),), aliases=(changed,)))
    route = tables.routes[b'"a"']
    assert (route.limiter, route.cold, route.timeout) == (limiter, Cold.REJECT, 1.0)
    tables.apply(snapshot(models=(cloud("m"),), aliases=(msgspec.structs.replace(alias, rpm=6),)))
    assert tables.routes[b'"a"'].limiter is not limiter


def test_routes_are_models_and_aliases_in_order_without_targets_nobody_knows() -> None:
    tables = _tables(
        models=(cloud("b"), local("a")), aliases=(AliasRoute(name="x", targets=("a", "absent", "b"), cold=Cold.REJECT),)
    )
    assert [route.name for route in tables.routes.values()] == ["b", "a", "x"]
    assert [t.name for t in tables.routes[b'"x"'].targets] == ["a", "b"]
    assert tables.routes[b'"b"'].targets == (tables.targets["b"],)
    assert tables.routes[b'"x"'].cold is Cold.REJECT


def test_targets_by_kind() -> None:
    models = (
        cloud("c", capabilities=(Capability.CHAT,)),
        local("e", capabilities=(Capability.EMBEDDINGS,)),
        cloud("b"),
    )
    tables = _tables(models=models, aliases=(AliasRoute(name="x", targets=("c", "e", "b")),))
    route = tables.routes[b'"x"']
    names = {kind.name: [t.name for t in route.by_kind[kind.index]] for kind in KINDS}
    own = {name: names[name] for name in ("chat", "completions", "embeddings", "rerank")}
    assert own == {"chat": ["c", "b"], "completions": ["b"], "embeddings": ["e", "b"], "rerank": []}
    assert names["ollama_raw"] == ["b"], "through a translation"
    assert names["messages"] == names["chat"] == names["responses"], "said in the other wire"


@pytest.mark.parametrize(("raw", "name", "found"), [
    (b'"gr\xc3\xb6\xc3\x9fe"', "größe", True), (b'"gr\\u00f6\\u00dfe"', "größe", True), (b'"x"', "x", False),
])  # fmt: skip
def test_names_however_they_are_spelled(raw: bytes, name: str, found: bool) -> None:
    assert (_tables(models=(cloud("größe"),)).find_route(raw, name) is not None) is found


@pytest.mark.parametrize(("url", "lines"), [
    ("http://127.0.0.1:1/v1", [b"POST /v1/embeddings HTTP/1.1", b"host: 127.0.0.1:1"]),
    ("https://api.example/openai/v1/", [b"POST /openai/v1/embeddings HTTP/1.1", b"host: api.example"]),
    ("https://user:pass@api.example", [b"POST /embeddings HTTP/1.1", b"host: api.example"]),
    ("http://[::1]:8/v1", [b"POST /v1/embeddings HTTP/1.1", b"host: [::1]:8"]),
])  # fmt: skip
def test_heads_to_a_provider(url: str, lines: list[bytes]) -> None:
    head = Target(cloud("m", base_url=url, headers={"X-Org": "o"})).heads[kind_named("embeddings").index]
    assert head.split(b"\r\n") == [
        *lines, b"authorization: Bearer sk-cloud", b"x-org: o", b"content-type: application/json", b"accept: */*",
        b"content-length: ",
    ]  # fmt: skip


def test_heads_to_an_engine_carry_its_own_key(turned_loop: asyncio.AbstractEventLoop) -> None:
    instance = _instance(turned_loop)
    instance.put(Target(local("m")).roads)
    head = instance.heads[kind_named("chat").index]
    assert head.startswith(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:9\r\nauthorization: Bearer secret\r\n"
    )


def _stands(loop: asyncio.AbstractEventLoop, route: Any, **state: Any) -> Standing:
    target = Target(route)
    flags = state.pop("instance", None)
    if flags is not None:
        target.instance = _instance(loop)
        for name in flags:
            setattr(target.instance, name, True)
    for name, value in state.items():
        setattr(target, name, value)
    return target.standing(1000.0)


def _failure(until: float) -> Failure:
    return Failure(kind=FailureKind.CRASH, message="x", until=until)


@pytest.mark.parametrize(("route", "state", "standing"), [
    (cloud("m"), {}, Standing.READY),
    (cloud("m", unavailable="x"), {}, Standing.UNAVAILABLE),
    (cloud("m", rpm=0), {}, Standing.LIMITED),
    (cloud("m", max_concurrency=2), {"active": 1}, Standing.READY),
    (cloud("m", max_concurrency=2), {"active": 2}, Standing.FULL),
    (cloud("m", unavailable="x", rpm=0), {}, Standing.UNAVAILABLE),
    (local("m"), {}, Standing.COLD),
    (local("m", rpm=0), {"instance": ()}, Standing.LIMITED),
    (local("m"), {"instance": ()}, Standing.READY),
    (local("m"), {"instance": ("revoked",)}, Standing.COLD),
    (local("m"), {"instance": ("suspect",)}, Standing.COLD),
    (local("m"), {"instance": (), "failure": _failure(4e9)}, Standing.READY),
    (local("m"), {"instance": ("suspect",), "failure": _failure(4e9)}, Standing.FAILED),
    (local("m"), {"failure": _failure(4e9)}, Standing.FAILED),
    (local("m"), {"failure": _failure(0.0)}, Standing.COLD),
    (local("m"), {"failure": _failure(time.time() - 1)}, Standing.COLD),
])  # fmt: skip
def test_standings(
    turned_loop: asyncio.AbstractEventLoop, route: Any, state: dict[str, Any], standing: Standing
) -> None:
    assert _stands(turned_loop, route, **state) is standing
