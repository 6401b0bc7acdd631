from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from glowplug.control.auth import Policy, authenticate, check_host, check_origin, may, presented
from glowplug.domain.access import ApiKey, Role
from glowplug.domain.caller import Caller
from glowplug.errors import Forbidden, RequestError, Unauthenticated
from glowplug.wire.credentials import presented_key

NOW = 1000.0
KEYS = {
    "admin": ApiKey(id="1", name="", display="a", role=Role.ADMIN),
    "user": ApiKey(id="2", name="", display="u"),
    "revoked": ApiKey(id="3", name="", display="r", role=Role.ADMIN, revoked_at=1.0),
    "expired": ApiKey(id="4", name="", display="e", role=Role.ADMIN, expires_at=NOW),
}
TOKENS = [*KEYS, "unknown", ""]

bearer = st.tuples(
    st.sampled_from(["authorization", "Authorization"]),
    st.tuples(st.sampled_from(["Bearer ", "bearer ", "BEARER  "]), st.sampled_from(TOKENS)).map("".join),
)
other_scheme = st.tuples(st.just("authorization"), st.sampled_from(["Basic admin", "admin", "Beareradmin", ""]))
api_key = st.tuples(
    st.sampled_from(["x-api-key", "X-Api-Key", "api-key"]), st.sampled_from([*TOKENS, " admin ", "\xff"])
)
noise = st.tuples(st.sampled_from(["x-key", "cookie", "proxy-authorization"]), st.just("admin"))


def token_of(sent: list[tuple[str, str]]) -> str | None:
    """The oracle: what a worker would read, and nothing where a header that can hold a key is there twice."""
    names = [name.lower() for name, _ in sent if name.lower() in ("authorization", "x-api-key", "api-key")]
    if len(set(names)) != len(names):
        return None
    key = presented_key({name.lower().encode(): value.strip().encode("latin-1") for name, value in sent})
    return None if key is None else key.decode("latin-1")


@example(sent=[("x-api-key", "user")], policy=Policy.SELF)
@example(sent=[("x-api-key", "user")], policy=Policy.MANAGER)
@given(sent=st.lists(st.one_of(bearer, other_scheme, api_key, noise), max_size=4), policy=st.sampled_from(Policy))
async def test_any_mix_of_headers_is_read_as_a_worker_reads_it(sent: list[tuple[str, str]], policy: Policy) -> None:
    headers = Headers(raw=[(name.lower().encode(), value.encode("latin-1")) for name, value in sent])
    token = token_of(sent)
    if policy in (Policy.OPEN, Policy.LOGIN, Policy.RETURN, Policy.PAGE):
        assert await authenticate(policy, headers, KEYS.get, NOW) is None
    elif token in ("admin", "user"):
        if policy is Policy.PERSON:
            with pytest.raises(Unauthenticated, match="nobody is logged in"):
                await authenticate(policy, headers, KEYS.get, NOW)
        elif token == "user" and policy not in (Policy.KEY, Policy.OWN, Policy.SELF, Policy.MANAGER):
            with pytest.raises(Forbidden, match="admin role"):
                await authenticate(policy, headers, KEYS.get, NOW)
        else:
            caller = await authenticate(policy, headers, KEYS.get, NOW)
            assert caller is not None and caller.key is KEYS[token] and caller.role is KEYS[token].role
    else:
        with pytest.raises(Unauthenticated):
            await authenticate(policy, headers, KEYS.get, NOW)


@given(st.binary(min_size=1, max_size=20))
def test_the_bytes_of_a_key_are_kept_whatever_they_are(key: bytes) -> None:
    headers = Headers(raw=[(b"x-api-key", key)])
    if stripped := key.strip():
        assert presented(headers).encode("utf-8", "surrogateescape") == stripped


@pytest.mark.parametrize(
    ("token", "says"),
    [("revoked", "was revoked"), ("expired", "has expired"), ("unknown", "not known"), ("", "keys create")],
)
async def test_the_error_says_why(token: str, says: str) -> None:
    with pytest.raises(Unauthenticated, match=says):
        await authenticate(Policy.KEY, Headers({"x-api-key": token}), KEYS.get, NOW)


async def resume(token: str, csrf: str | None) -> Caller:
    if token != "t" or csrf not in (None, "c"):
        raise Forbidden("no")
    return Caller(role=Role.ADMIN, user="ann", session="s")


COOKIE = {"host": "localhost:4000", "cookie": "a=b; glowplug_session=t"}


@pytest.mark.parametrize(
    ("policy", "method", "more", "good"),
    [
        (Policy.ADMIN, "GET", {}, True),
        (Policy.PERSON, "HEAD", {}, True),
        (Policy.ADMIN, "POST", {}, False),
        (Policy.ADMIN, "POST", {"x-glowplug-csrf": "d"}, False),
        (Policy.ADMIN, "POST", {"x-glowplug-csrf": "c"}, True),
        (Policy.PERSON, "DELETE", {"x-glowplug-csrf": "c"}, True),
        (Policy.KEY, "GET", {}, False),
        (Policy.ADMIN, "GET", {"x-api-key": "user"}, False),
        (Policy.ADMIN, "GET", {"x-api-key": "unknown"}, False),
        (Policy.ADMIN, "GET", {"cookie": "glowplug_session=other"}, False),
        (Policy.ADMIN, "GET", {"cookie": "glowplug_session=t; glowplug_session=t"}, False),
        (Policy.ADMIN, "GET", {"host": "my-box.lan"}, False),
        (Policy.ADMIN, "GET", {"origin": "http://localhost:3000"}, False),
        (Policy.ADMIN, "GET", {"sec-fetch-site": "same-site"}, False),
        (Policy.ADMIN, "GET", {"origin": "http://localhost:4000", "sec-fetch-site": "same-origin"}, True),
    ],
)
async def test_sessions(policy: Policy, method: str, more: dict[str, str], good: bool) -> None:
    asking = authenticate(policy, Headers(COOKIE | more), KEYS.get, NOW, method=method, resume=resume)
    if good:
        caller = await asking
        assert caller is not None and (caller.user, caller.key, caller.through) == ("ann", None, "s")
    else:
        with pytest.raises((Unauthenticated, Forbidden)):
            await asking


async def test_a_page_of_another_server_may_not_log_anybody_in() -> None:
    with pytest.raises(Forbidden, match="own pages"):
        await authenticate(Policy.LOGIN, Headers({"host": "localhost", "origin": "null"}), KEYS.get, NOW)


HOSTS = ("127.0.0.1", "localhost", "[::1]", "my-box.lan")


@pytest.mark.parametrize(
    ("host", "good"),
    [
        ("127.0.0.1:4000", True), ("LOCALHOST", True), ("[::1]:4000", True), ("[::1]", True), ("my-box.lan:80", True),
        ("evil.example", False), ("localhost.evil.example:4000", False), ("", False), ("127.0.0.1.evil:1", False),
    ],
)  # fmt: skip
def test_hosts(host: str, good: bool) -> None:
    headers = Headers({"host": host})
    if good:
        check_host(headers, HOSTS)
    else:
        with pytest.raises(Forbidden):
            check_host(headers, HOSTS)
    check_host(headers, ("*",))


def test_one_host_header() -> None:
    for raw in ([], [(b"host", b"localhost"), (b"host", b"evil")]):
        with pytest.raises(RequestError, match="Host headers"):
            check_host(Headers(raw=raw), HOSTS)


@pytest.mark.parametrize(
    ("origin", "good"),
    [
        ("http://127.0.0.1:4000", True), ("http://localhost", True), ("https://my-box.lan", True),
        ("https://ui.example", True), ("HTTPS://UI.EXAMPLE", True), ("http://ui.example", False),
        ("https://evil.example", False), ("null", False), ("", False), ("file://localhost", False),
        ("http://localhost.evil.example", False),
    ],
)  # fmt: skip
def test_origins(origin: str, good: bool) -> None:
    headers = Headers({"origin": origin})
    if good:
        check_origin(headers, HOSTS, ("https://ui.example/",))
    else:
        with pytest.raises(Forbidden):
            check_origin(headers, HOSTS, ("https://ui.example/",))
        with pytest.raises(Forbidden):
            check_origin(headers, ("*",), ())
    check_origin(headers, HOSTS, ("*",))
    check_origin(Headers({}), HOSTS, ())


@pytest.mark.parametrize(
    ("policy", "admin", "viewer", "user"),
    [
        (Policy.OPEN, "rw", "rw", "rw"),
        (Policy.KEY, "rw", "", "rw"),
        (Policy.ADMIN, "rw", "r", ""),
        (Policy.READ, "rw", "rw", ""),
        (Policy.ALONE, "rw", "", ""),
        (Policy.OWN, "rw", "rw", "rw"),
    ],
)
def test_what_each_role_may(policy: Policy, admin: str, viewer: str, user: str) -> None:
    for role, allowed in ((Role.ADMIN, admin), (Role.VIEWER, viewer), (Role.USER, user)):
        assert may(policy, role, "GET") is ("r" in allowed), role
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert may(policy, role, method) is ("w" in allowed), (role, method)


async def test_a_blocked_key_is_refused_and_told_why() -> None:
    blocked = ApiKey(id="5", name="", display="b", role=Role.ADMIN, blocked_at=1.0)
    with pytest.raises(Forbidden, match="the API key b is blocked"):
        await authenticate(Policy.OWN, Headers({"x-api-key": "x"}), lambda _: blocked, NOW)
    with pytest.raises(Forbidden, match="its team is"):
        await authenticate(Policy.KEY, Headers({"x-api-key": "user"}), KEYS.get, NOW, blocked=lambda key: "its team is")
