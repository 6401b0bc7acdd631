from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from glowplug.control.api.pages import page_routes
from glowplug.control.routes import Gate, mount
from tests.usecases.managers import CATALOG

HIDDEN = "nothing that is served"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html>the page")
    (folder / "favicon.svg").write_text("<svg/>")
    (folder / "built.json").write_text(HIDDEN)
    (folder / "assets" / "index-B4c_-9.js").write_text("script")
    (folder / "assets" / "index-B4c_-9.css").write_text("style")
    (tmp_path / "secret.js").write_text(HIDDEN)
    return folder


def client(folder: Path) -> httpx.AsyncClient:
    gate = Gate(lambda _token: None, lambda: 0.0, lambda: CATALOG)
    app = Starlette(routes=mount(page_routes(folder), gate))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost")


@pytest.mark.parametrize("path", ["/ui", "/ui/", "/ui/now", "/ui/welcome", "/ui/doctor/machine-secret-files"])
async def test_every_address_of_a_page_answers_with_the_page(built: Path, path: str) -> None:
    async with client(built) as asking:
        answer = await asking.get(path)
    assert (answer.status_code, answer.text) == (200, "<!doctype html>the page")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("assets/index-B4c_-9.js", "text/javascript; charset=utf-8"),
        ("assets/index-B4c_-9.css", "text/css; charset=utf-8"),
    ],
)
async def test_what_is_named_after_its_content_is_kept_for_ever(built: Path, path: str, kind: str) -> None:
    async with client(built) as asking:
        answer = await asking.get(f"/ui/{path}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == kind
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_the_rest_is_not_kept(built: Path) -> None:
    async with client(built) as asking:
        answer = await asking.get("/ui/favicon.svg")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/ui/now", "/ui/favicon.svg", "/ui/assets/index-B4c_-9.js"])
async def test_nothing_from_elsewhere_runs_in_it_and_nobody_frames_it(built: Path, path: str) -> None:
    async with client(built) as asking:
        headers = (await asking.get(path)).headers
    policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
    assert policy == {
        "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "connect-src": "'self'",
        "img-src": "'self' data:", "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'",
    }  # fmt: skip
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "path",
    [
        "assets/gone-1234.js", "assets/../../secret.js", "assets/%2e%2e/%2e%2e/secret.js", "..%2fsecret.js",
        "%2e%2e/secret.js", "built.json", "assets/", "assets/.js", "robots.txt", "assets/a%00.js", "/etc/passwd",
        "%2fetc%2fpasswd",
    ],
)  # fmt: skip
async def test_nothing_else_is_a_file(built: Path, path: str) -> None:
    async with client(built) as asking:
        answer = await asking.get(f"/ui/{path}")
    assert HIDDEN not in answer.text
    assert answer.status_code == 404 or answer.text == "<!doctype html>the page"
    assert "immutable" not in answer.headers.get("cache-control", "")


async def test_where_it_is_not_built_it_says_how(tmp_path: Path) -> None:
    async with client(tmp_path / "none") as asking:
        answer = await asking.get("/ui/")
        assert answer.status_code == 503
        assert "make ui" in answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert (await asking.get("/ui/assets/index-1.js")).status_code == 404


async def test_it_is_read_and_never_written(built: Path) -> None:
    async with client(built) as asking:
        assert (await asking.head("/ui/")).status_code == 200
        assert (await asking.post("/ui/")).status_code == 405
        assert (await asking.get("/ui/", headers={"host": "evil.example"})).status_code == 403
