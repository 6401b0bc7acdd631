"""The admin UI as people have it: in a browser, at a desk and on a phone, light and dark."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Install, engines
from tests.e2e.installation import ROOT, Installation, until
from tests.support.browser import BROAD, NARROW, Browser, Page, chromium

pytestmark = [
    pytest.mark.needs("chromium"),
    pytest.mark.skipif(
        not (ROOT / "src/glowplug/control/static/built.json").exists(), reason="the admin UI is not built: make ui"
    ),
]
AXE = ROOT / "ui/node_modules/axe-core/axe.min.js"
PASSWORD = "a few good words"
COLD = "chat-cold-fake"
VIEWS = [(BROAD, False), (BROAD, True), (NARROW, False), (NARROW, True)]


@pytest.fixture(scope="module")
def served(install_shared: Install, weights: Path) -> Installation:
    installation = install_shared()
    chat = f"engine: llamacpp, path: {weights / 'chat.gguf'}"
    installation.write(f"""
{engines()}
models:
  {COLD}: {{{chat}, args: [--slow-start, "0.7"]}}
  chat-other-fake: {{{chat}}}
""")
    installation.start()
    return installation


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def page(served: Installation, browser: Browser) -> Iterator[Page]:
    """Somebody at a desk who came in by the link that the first start shows once."""
    link = until("the link is shown", lambda: re.search(r"\S+/ui/welcome#\S+", first_lines(served)))[0]
    with browser.page() as tab:
        tab.open(link)
        tab.type("E-mail address", "ann@example.org")
        tab.type("Password", PASSWORD)
        tab.click("Set the password")
        tab.wait_text("Models on this machine")
        yield tab


def first_lines(served: Installation) -> str:
    return served.out.read_text() + served.log.read_text()


def pages_of(page: Page) -> list[str]:
    """The names of all pages, as the navigation has them."""
    names = page.evaluate("[...document.querySelectorAll('nav [data-page]')].map((link) => link.dataset.page)")
    return [str(name) for name in names]


def host(served: Installation) -> str:
    return f"127.0.0.1:{served.port}"


def serious(page: Page) -> list[str]:
    """Faults that keep people out, as axe finds them."""
    page.evaluate(AXE.read_text() + ";true")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then((said) => said.violations)")
    return [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary'][:160]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def test_a_cold_model_is_loaded_and_its_states_go_by(served: Installation, page: Page) -> None:
    assert page.evaluate("location.pathname + location.hash") == "/ui/", "the token is out of the address"
    state = "document.querySelector(`[aria-label='Load {0}'],[aria-label='Unload {0}']`).closest('li')".replace(
        "{0}", COLD
    )
    assert page.evaluate(f"{state}.querySelector('.state').innerText") == "stopped"
    page.evaluate(f"""
        window.states = [];
        window.watching = new MutationObserver(() => {{
            const now = {state}.querySelector('.state').innerText;
            if (window.states.at(-1) !== now) window.states.push(now);
        }});
        window.watching.observe(document.body, {{subtree: true, childList: true, characterData: true}}); 0""")
    page.click(f"Load {COLD}")
    page.wait_text(f"glowplug start {COLD}")
    page.click("button.main")
    page.until("it is ready", "window.states.at(-1) === 'ready'")
    seen = page.evaluate("window.states")
    assert "loading" in seen or "starting" in seen, seen
    assert served.state_of(COLD) == "ready"
    page.click(f"Log of {COLD}")
    page.wait_text(f"glowplug logs {COLD}")
    page.until("the log is shown", "document.querySelector('.log').innerText.length > 100")
    page.press("Escape")
    page.until("the dialog is closed", "document.querySelector('dialog') === null")
    page.press("k", control=True)
    page.type("Page or action", f"unload {COLD}")
    page.press("Enter")
    page.wait_text(f"glowplug stop {COLD}")
    page.click("button.main")
    page.wait_text(f"{COLD} is being unloaded")
    served.wait_state(COLD, "stopped")
    page.until("it is shown", "window.states.at(-1) === 'stopped'")
    assert page.faults(host(served)) == []


def test_every_page_in_every_light(served: Installation, page: Page) -> None:
    names = pages_of(page)
    assert names[0] == "now" and len(names) > 10
    wrong: dict[str, list[str]] = {}
    for width, dark in VIEWS:
        page.view(width, dark=dark)
        for name in names:
            page.open(f"{served.base_url}/ui/{name}")
            where = f"{name} at {width}{' dark' if dark else ''}"
            page.until(f"{where} is there", "document.querySelector('main h1') !== null")
            broad = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            found = [*page.faults(host(served)), *([f"{broad} px too broad"] if broad > 0 else [])]
            if AXE.exists():
                found += serious(page)
            if found:
                wrong[where] = found
                page.seen.console.clear()
                page.seen.exceptions.clear()
    page.view()
    assert not wrong, json.dumps(wrong, indent=1)


def test_nobody_is_asked_who_they_are_before_they_said_so(served: Installation, browser: Browser) -> None:
    with browser.page(NARROW) as tab:
        tab.open(f"{served.base_url}/ui/models?q=1")
        tab.wait_text("Log in")
        assert tab.faults(host(served)) == []
        tab.type("E-mail address", "ann@example.org")
        tab.type("Password", PASSWORD)
        tab.click("button.main")
        tab.until("the page that was wanted is there", "document.title.startsWith('Models')")
        assert tab.evaluate("location.search") == "?q=1"
        tab.click("Menu")
        tab.click("Keys")
        tab.until("it goes there", "location.pathname === '/ui/keys' && document.title.startsWith('Keys')")
        tab.click("Menu")
        tab.click("Log out")
        tab.wait_text("Log in")
        assert tab.faults(host(served)) == []


def test_a_viewer_reads_and_has_nothing_to_press(served: Installation, browser: Browser) -> None:
    made = served.admin("invitations", "POST", {"name": "Vic", "role": "viewer"})
    with browser.page() as tab:
        tab.open(f"{served.base_url}{made['link']}")
        tab.type("E-mail address", "vic@example.org")
        tab.type("Password", PASSWORD)
        tab.click("button.main")
        tab.wait_text(COLD)
        assert tab.evaluate("document.querySelector('[aria-label^=Load]')") is None
        assert tab.faults(host(served)) == []


def test_what_is_shown_outlives_the_control_process(served: Installation, page: Page) -> None:
    page.open(f"{served.base_url}/ui/")
    page.wait_text(COLD)
    before = served.child("control")
    os.kill(before, signal.SIGKILL)
    page.until("it stays", f"document.body.innerText.includes({json.dumps(COLD)})")
    until("it is back", lambda: served.call("GET", "/admin/status").status == 200)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange')); 0")
    assert COLD in page.text()
    page.until("nothing is stale", "document.querySelector('.stale').innerText === ''")
