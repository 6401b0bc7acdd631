from __future__ import annotations

from glowplug.control.app import build_app, endpoints
from tests.control.conftest import Control


async def test_any_key_may_scrape_and_nobody_without_one(control: Control) -> None:
    async def scrape() -> bytes:
        return b"# HELP x y\n"

    control.services = type(control.services)(**{**vars(control.services), "scrape": scrape})
    control.app = build_app(control.services)
    async with control.client() as nobody, control.client(control.user_key) as user:
        assert (await nobody.get("/metrics")).status_code == 401
        answer = await user.get("/metrics")
    assert (answer.status_code, answer.content) == (200, b"# HELP x y\n")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


async def test_without_somebody_who_counts_there_is_no_route(control: Control) -> None:
    assert "/metrics" not in {endpoint.path for endpoint in endpoints(control.services)}
