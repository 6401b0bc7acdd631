"""`make shots`: a picture of every page of the admin UI, of the demo with some traffic, into docs/shots.

    python -m tests.support.shots [PAGE ...]      only these pages

Each page is taken at a desk in the light; those in `DARK` in the dark too, and those in `PHONE` at 390 px.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path

from tests.e2e.installation import ROOT, Installation, installed, until
from tests.support.browser import BROAD, NARROW, Page, chromium

FOLDER = ROOT / "docs" / "shots"
DARK = ("now",)
PHONE = ("now", "model", "route")
DEEPER = {"model": "models?model={local}", "route": "routing?ask=chat-office"}
"""Pages of one thing: `local` is a model of this machine."""
_NEUTRAL = """
(() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode())
    for (const [here, shown] of PLACES) if (node.data.includes(here)) node.data = node.data.replaceAll(here, shown);
})()
"""
"""Nobody needs to know where the pictures were taken."""
_SETTLED = """
document.querySelector('main h1') !== null && document.querySelector('.waiting') === null
  && !document.querySelector('main').innerText.includes('…\\n')
"""


def main(wanted: list[str]) -> None:
    """Take the pictures.  Raises BrowserProblem when a page does not come."""
    with tempfile.TemporaryDirectory(prefix="gp-") as folder, installed(Path(folder)) as demo:
        places = [(str(ROOT), "~/glowplug"), (folder, "~/.local/share/glowplug")]
        demo.start("demo", "--port", "0")
        local = str(demo.admin("instances")["data"][0]["model"])
        furnish(demo, local)
        traffic(demo)
        link = until("the link is shown", lambda: invitation(demo))
        with chromium() as browser, browser.page(BROAD) as page:
            page.open(link)
            page.type("E-mail address", "ann@example.org")
            page.type("Password", "a few good words")
            page.click("button.main")
            page.until("it is there", "document.querySelector('nav [data-page]') !== null")
            names = page.evaluate("[...document.querySelectorAll('nav [data-page]')].map((link) => link.dataset.page)")
            for name in wanted or [*names, *DEEPER]:
                shoot(page, name, f"{demo.base_url}/ui/{DEEPER.get(name, name).format(local=local)}", places)


def shoot(page: Page, name: str, address: str, places: list[tuple[str, str]]) -> None:
    """Every picture of one page, with names for `places` of this machine."""
    views = [("", BROAD, False)]
    views += [("-dark", BROAD, True)] if name in DARK else []
    views += [("-phone", NARROW, False)] if name in PHONE else []
    for suffix, width, dark in views:
        page.view(width, 900 if width == BROAD else 844, dark=dark)
        page.open(address)
        page.until(f"{name} is settled", _SETTLED, 30.0)
        page.evaluate(_NEUTRAL.replace("PLACES", json.dumps(places)))
        print(page.picture(FOLDER / f"{name}{suffix}.png"))


def invitation(demo: Installation) -> str:
    """The address that lets the first admin in."""
    made = demo.admin("invitations", "POST", {"name": "Ann", "role": "admin"})
    link = str(made["link"])
    return link if re.match("https?:", link) else f"{demo.base_url}{link}"


def furnish(demo: Installation, local: str) -> None:
    """People, keys, a budget, a provider and names for models, as a small team has them."""
    demo.admin("users", "POST", {"id": "kim", "name": "Kim", "email": "kim@example.org"})
    demo.admin("teams", "POST", {"id": "web", "name": "Web"})
    for name, more in (("laptop", {"user": "kim"}), ("ci", {"team": "web", "rpm": 60}), ("home-assistant", {})):
        demo.admin("keys", "POST", {"name": name, **more})
    demo.admin("budgets", "POST", {"scope": "team", "name": "web", "budget": "20/month"})
    where = "http://127.0.0.1:9/v1"  # nothing is there, and nothing is sent out for a picture
    demo.admin("providers", "POST", {"name": "workstation", "base_url": where, "api_key": "made-up"})
    other = {"name": "chat-llama-70b-workstation", "provider": "workstation", "id": "llama-3.3-70b-versatile"}
    demo.admin("models", "POST", other)
    for name, more in (
        ("chat-office", {"cold": "cloud-while-cold", "fallback": ["chat-default"]}),
        ("chat-fast", {"policy": "latency"}),
    ):
        demo.admin("aliases", "POST", {"name": name, "targets": [local, other["name"]], **more})


def traffic(demo: Installation) -> None:
    """Some requests, so that pages have something to show."""
    for model in [one["model"] for one in demo.admin("instances")["data"]] + ["chat-default"]:
        for text in ("hello", "what is a glow plug?"):
            demo.chat(model, text, max_tokens=24)


if __name__ == "__main__":
    main(sys.argv[1:])
