"""The admin UI as people have it: in a browser, at a desk and on a phone, light and dark."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from glowplug.paths import state_paths
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
SLOW = "chat-slow-fake"
VIEWS = [(BROAD, False), (BROAD, True), (NARROW, False), (NARROW, True)]


@pytest.fixture(scope="module")
def served(install_shared: Install, weights: Path) -> Installation:
    installation = install_shared()
    installation.env["HOME"] = str(installation.state)  # what the doctor repairs is below it
    chat = f"engine: llamacpp, path: {weights / 'chat.gguf'}"
    installation.write(f"""
{engines()}
server: {{model_folders: [{weights}]}}
models:
  {COLD}: {{{chat}, args: [--slow-start, "0.7"], price: {{prompt: 1000, completion: 1000}}}}
  chat-other-fake: {{{chat}}}
  {SLOW}: {{{chat}, args: [--drip, "0.05", --tokens, "2000"]}}
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


def test_it_is_talked_to_from_cold_and_its_cost_appears(served: Installation, page: Page) -> None:
    page.open(f"{served.base_url}/ui/playground?models={COLD}")
    page.click("Make a key for an hour")
    page.wait_text("glowplug keys create playground --expires 3600s")
    page.click("Make the key")
    page.wait_text("is shown this once")
    page.click("Done")
    page.type("Message", "How are you?")
    page.click("Send")
    page.wait_text(f"{COLD} is ")
    page.wait_text("cost $0.0")
    answer = page.evaluate("document.querySelector('.turn.assistant .words').innerText")
    page.click("Another model")
    page.type("Message", "And you?")
    page.press("Enter")
    page.until("both answered", "document.querySelectorAll('.facts-line').length === 3")
    request = page.evaluate("new URL(document.querySelector('.facts-line a').href).searchParams.get('request')")
    seen = served.admin(f"requests/{request}")
    assert seen["outcome"] == "ok" and seen["cost"] > 0 and len(str(answer)) > 3
    page.click("Code")
    page.wait_text("from openai import OpenAI")
    page.press("Escape")
    page.open(f"{served.base_url}/ui/")
    page.until(
        "it is in what today cost", "/Spent today\\s+\\$0\\.0*[1-9]/.test(document.querySelector('.figures').innerText)"
    )
    page.click(f"Unload {COLD}")
    page.wait_text(f"glowplug stop {COLD}")
    page.click("button.main")
    served.wait_state(COLD, "stopped")
    assert page.faults(host(served)) == []


def test_a_client_is_waited_for_and_told_why_it_was_refused(served: Installation, page: Page) -> None:
    page.open(f"{served.base_url}/ui/connect")
    page.click("Claude Code")
    page.wait_text("Its first request")
    page.click("Make a key")
    page.wait_text("glowplug keys create claude-code")
    page.click("Make the key")
    page.wait_text("is shown this once")
    secret = page.evaluate("document.querySelector('.secret code').innerText")
    page.click("Done")
    page.until("it is filled in", f"document.querySelector('.code pre').innerText.includes({json.dumps(secret)})")
    body = {"model": "chat-other-fake", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
    said = {"User-Agent": "claude-cli/2.1.332 (external, cli)"}
    assert served.call("POST", "/v1/messages", body, key=f"{secret}x", headers=said).status == 401
    page.wait_text("it brought no key that is known here")
    assert served.call("POST", "/v1/messages", body, key=str(secret), headers=said).status == 200
    page.wait_text("Claude Code came")
    page.wait_text("answered by chat-other-fake")
    page.click("Undo")
    page.wait_text("Undone")
    assert served.call("POST", "/v1/messages", body, key=str(secret), headers=said).status == 401
    assert page.faults(host(served)) == []


def test_weights_that_are_found_are_served_and_taken_back(served: Installation, page: Page) -> None:
    page.open(f"{served.base_url}/ui/first")
    page.click("Serve chat-loop-llamacpp")
    page.wait_text("glowplug models add chat-loop-llamacpp --engine llamacpp --path")
    page.click("Preview")
    page.wait_text("Adds the model")
    page.click("Serve it")
    page.wait_text("chat-loop-llamacpp is served")
    assert served.admin("models/chat-loop-llamacpp")["source"] == "managed"
    page.open(f"{served.base_url}/ui/now")
    page.wait_text("chat-other-fake: overhead")  # its bar is split, and nothing below it moves any more
    page.click("Pin chat-loop-llamacpp")
    page.wait_text("pinned: true")
    page.click("button.main")
    page.until("it is pinned", "document.querySelector('[aria-label=\"Unpin chat-loop-llamacpp\"]') !== null")
    page.open(f"{served.base_url}/ui/first")
    page.wait_text("4 models")
    assert served.admin("models/chat-loop-llamacpp", "DELETE")["settings"] is None
    page.click("Look again")
    page.until("it is offered again", "document.querySelector('[aria-label=\"Serve chat-loop-llamacpp\"]') !== null")
    assert page.faults(host(served)) == []


def test_a_key_is_shown_once_and_works_until_it_is_revoked(served: Installation, page: Page) -> None:
    page.open(f"{served.base_url}/ui/keys")
    page.click("Make a key")
    page.type("Name", "lap top")
    page.click("dialog .choices [value=chat-other-fake]")
    page.type("Requests a minute", "60")
    page.type("Budget", "20/month")
    page.wait_text("glowplug keys create 'lap top' --models chat-other-fake --rpm 60 --budget 20/month")
    page.click("Preview")
    page.wait_text("may use chat-other-fake")
    page.click("dialog button.main")
    page.wait_text("is shown this once")
    secret = str(page.evaluate("document.querySelector('.secret code').innerText"))
    page.click("Anthropic SDK")
    page.until("it is filled in", f"document.querySelector('.snippet[open] pre').innerText.includes('{secret}')")
    page.click("Done")
    body = {"model": "chat-other-fake", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
    assert served.call("POST", "/v1/chat/completions", body, key=secret).status == 200
    assert served.call("POST", "/v1/chat/completions", body | {"model": COLD}, key=secret).status in (403, 404)
    page.click("lap top")
    page.wait_text("$20.00 a month")
    assert secret not in str(page.evaluate("document.documentElement.outerHTML")), "it is shown once"
    page.click("Block")
    page.wait_text("glowplug keys block key_")
    page.click("dialog button.main")
    page.wait_text("is blocked")
    assert served.call("POST", "/v1/chat/completions", body, key=secret).status == 403
    page.click(".toast:last-child button")
    page.wait_text("Undone")
    page.click("Change")
    page.type("Priority", "7")
    page.wait_text("--priority 7")
    page.click("dialog button.main")
    page.wait_text("was changed")
    page.click("Revoke")
    page.wait_text("glowplug keys revoke key_")
    page.wait_text("that cannot be undone")
    page.click("dialog button.main")
    page.wait_text("is revoked")
    assert served.call("POST", "/v1/chat/completions", body, key=secret).status == 401
    assert page.faults(host(served)) == []


def test_a_team_has_people_and_a_budget_and_a_member_sees_their_own(
    served: Installation, page: Page, browser: Browser
) -> None:
    served.admin("users", "POST", {"id": "mia", "name": "Mia", "email": "mia@example.org"})
    served.admin("teams", "POST", {"id": "web", "name": "Web"})
    served.admin("keys", "POST", {"name": "of-mia", "user": "mia"})
    page.open(f"{served.base_url}/ui/keys?view=teams&id=web")
    page.click("Put somebody in")
    page.choose("Who", "mia")
    page.wait_text("glowplug teams add web mia")
    page.click("dialog button.main")
    page.wait_text("Mia is in Web")
    page.click("Give a budget")
    page.type("Dollars", "5")
    page.wait_text("glowplug budgets create 5/month --team web")
    page.click("dialog button.main")
    page.wait_text("$5.00 a month")
    page.click("Take out Mia")
    page.wait_text("glowplug teams remove web mia")
    page.click("dialog button.main")
    page.wait_text("Nobody is in it yet")
    page.click(".toast:last-child button")
    page.until("she is in it again", "document.querySelector('[aria-label=\"Take out Mia\"]') !== null")
    assert page.faults(host(served)) == []
    link = served.admin("invitations", "POST", {"user": "mia"})["link"]
    with browser.page() as tab:
        tab.open(f"{served.base_url}{link}")
        tab.type("Password", PASSWORD)
        tab.click("button.main")
        tab.click("Keys")
        tab.wait_text("of-mia")
        assert "command line" not in tab.text() and not acting(tab)
        assert tab.faults(host(served)) == []


def test_a_model_says_whether_it_fits_what_runs_it_and_where_its_settings_are_from(
    served: Installation, page: Page
) -> None:
    page.open(f"{served.base_url}/ui/models?q=chat&kind=local")
    page.wait_text("3 of 3")
    page.click(COLD)
    page.wait_text("Does it fit?")
    page.until("its loads are there", "document.querySelector('[aria-label^=Loads] tbody tr') !== null")
    command = "document.querySelector('[aria-label=\"Command that is run\"]').innerText"
    page.until("the command is there", f"{command}.includes('chat.gguf')")
    needs = "document.querySelector('.fit strong').innerText"
    before = page.evaluate(needs)
    page.evaluate("""
        const slider = document.querySelector('.sliders input[type=range]');
        slider.value = 17; slider.dispatchEvent(new Event('input', {bubbles: true})); 0""")
    page.wait_text("131,072 tokens")
    page.until("it is another answer", f"{needs} !== {json.dumps(before)}")
    page.until("it is another command", f"{command}.includes('131072')")
    page.click("Keep these")
    page.wait_text("is in the configuration file, so it is changed there")
    page.press("Escape")
    page.click("As configured")
    page.until("it is the first answer", f"{needs} === {json.dumps(before)}")
    page.until(
        "a value says where it is from",
        "/price\\S*\\s.*line \\d+/s.test(document.querySelector('[aria-label^=Settings] tbody').innerText)",
    )
    page.wait_text(f"glowplug logs {COLD}")
    assert page.faults(host(served)) == []


def test_a_name_is_given_to_a_model_drawn_explained_changed_and_taken_away(served: Installation, page: Page) -> None:
    page.open(f"{served.base_url}/ui/routing")
    page.click("Add an alias")
    page.wait_text("glowplug aliases set")
    page.type("Name", "chat-drawn")
    page.type("Models, one a line", COLD)
    page.click("Preview")
    page.wait_text("In force at once")
    page.click("Add")
    page.until("it is drawn", "document.querySelector(`[aria-label='Who answers for chat-drawn'] ol a`) !== null")
    page.open(f"{served.base_url}/ui/routing?ask=chat-drawn")
    page.wait_text(f"First: {COLD}")
    page.click("Change the alias chat-drawn")
    page.type("Asked when none of them can answer, one a line", "chat-other-fake")
    page.wait_text(f"glowplug aliases set chat-drawn {COLD} --fallback chat-other-fake")
    page.click("dialog button.main")
    page.wait_text("when none of them can")
    page.click("Look")
    hops = "[...document.querySelectorAll('.hops > li')].map((hop) => hop.querySelector('a').innerText).join()"
    page.until("the fallback comes after it", f"{hops} === '{COLD},chat-other-fake'")
    page.wait_text("If it fails")
    page.click("Remove the alias chat-drawn")
    page.wait_text("chat-drawn is taken away")
    page.click("button.main.danger")
    page.wait_text("chat-drawn is gone")
    drawn = "document.querySelector(`[aria-label='Alias chat-drawn']`) !== null"
    page.until("it is not drawn any more", f"!({drawn})")
    page.click(".toast:last-child button")
    page.until("it is back", drawn)


def test_every_page_in_every_light(served: Installation, page: Page) -> None:
    names = pages_of(page)
    assert names[0] == "now" and len(names) > 10
    names += [f"models?model={COLD}", "routing?ask=chat-drawn"]
    wrong: dict[str, list[str]] = {}
    for width, dark in VIEWS:
        page.view(width, dark=dark)
        for name in names:
            page.open(f"{served.base_url}/ui/{name}")
            where = f"{name} at {width}{' dark' if dark else ''}"
            page.until(
                f"{where} is there", "document.querySelector('main h1') && document.querySelector('.waiting') === null"
            )
            broad = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            found = [*page.faults(host(served)), *([f"{broad} px too broad"] if broad > 0 else [])]
            if AXE.exists():
                found += serious(page)
            if found:
                wrong[where] = found
                page.seen.console.clear()
                page.seen.exceptions.clear()
    page.view()
    served.admin("aliases/chat-drawn", "DELETE")
    assert not wrong, json.dumps(wrong, indent=1)


def test_a_request_is_seen_and_ended_and_counted(served: Installation, page: Page) -> None:
    with served.stream(SLOW, max_tokens=2000) as stream:
        page.open(f"{served.base_url}/ui/requests?outcome=open&model={SLOW}")
        page.click("td a")
        page.wait_text("Timeline")
        page.wait_text("up to now")
        page.click("Cancel …")
        page.wait_text("--cancel")
        page.click("End it")
        page.wait_text("The request is ended")
        assert stream.rest().error["code"] == "cancelled"
    page.until("it is seen to have ended", "document.querySelector('dialog.drawer .pill').innerText === 'interrupted'")
    page.press("Escape")
    page.until("the filters stay", "location.search === '?outcome=open&model=chat-slow-fake'")
    page.wait_text("No request is like this")
    page.click("Clear filters")
    page.wait_text(SLOW)
    page.open(f"{served.base_url}/ui/usage?by=model")
    page.until("it is counted", f"document.querySelector('.scroll tbody')?.innerText.includes('{SLOW}')")
    page.until("the chart is there", "document.querySelector('.chart canvas') !== null")
    page.click(SLOW)
    page.until("it leads to the requests", f"location.pathname + location.search === '/ui/requests?model={SLOW}'")
    assert page.faults(host(served)) == []


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
        assert tab.evaluate("document.querySelector('[aria-label^=Load], [aria-label^=Pin]')") is None
        with planted(served):
            tab.open(f"{served.base_url}/ui/doctor")
            tab.wait_text("can be read by other accounts")
        for name, there in (
            {
                "config": COLD,
                "config?view=file": "for admins",
                "settings?view=invitations": "Vic",
                "keys": "command line",
            }
        ).items():
            tab.open(f"{served.base_url}/ui/{name}")
            tab.wait_text(there)
            assert not acting(tab), name
        for name, shown in (("first", "chat-loop-llamacpp"), ("connect?client=zed", "Its first request")):
            tab.open(f"{served.base_url}/ui/{name}")
            tab.wait_text(shown)
            assert tab.evaluate("document.querySelector('main .card button:not(.copy)')") is None, name
        assert tab.faults(host(served)) == []
        refused = """fetch("/auth/me").then((said) => said.json()).then(({csrf}) => Promise.all([
            ["POST", "/admin/doctor/repair"], ["PUT", "/admin/config/file"], ["POST", "/admin/invitations"],
        ].map(([method, path]) => fetch(path, {method, headers: {"x-glowplug-csrf": csrf}, body: "{}"})
            .then((said) => said.status))))"""
        assert tab.evaluate(refused) == [403, 403, 403]


@contextlib.contextmanager
def planted(served: Installation) -> Iterator[Path]:
    """A file with a secret that everybody can read, for the doctor to find."""
    file = state_paths(served.state).cli_key
    file.chmod(0o644)
    yield file
    file.chmod(0o600)


def acting(page: Page) -> list[str]:
    """Buttons that change something on the server."""
    names = page.evaluate("[...document.querySelectorAll('main button')].map((one) => one.innerText)")
    return [name for name in names if re.match("Fix|Undo|Reload|Save|Invite|Take|End|Make|Add|Change", name)]


def test_a_finding_is_repaired_and_that_undone(served: Installation, page: Page) -> None:
    with planted(served) as file:
        page.open(f"{served.base_url}/ui/doctor")
        page.click("Fix machine-secret-files")
        page.wait_text(f"set the mode of {file} from 0644 to 0600")
        page.wait_text("glowplug doctor machine-secret-files --fix")
        page.click("dialog button.main")
        page.wait_text("Repaired: set the mode")
        assert file.stat().st_mode & 0o777 == 0o600
        page.wait_gone("can be read by other accounts")
        page.click(".toast button")
        page.wait_text("Undone")
        assert file.stat().st_mode & 0o777 == 0o644
        page.wait_text("can be read by other accounts")
        page.wait_text("undone 20")
    assert page.faults(host(served)) == []


def test_a_provider_is_added_and_removed_and_its_key_shown_by_nothing(served: Installation, page: Page) -> None:
    page.open(f"{served.base_url}/ui/providers")
    page.wait_text("Add a provider")
    page.click("Add a provider")
    page.type("Name", "lab")
    page.type("URL", "http://127.0.0.1:9/v1")
    page.type("Key", "sk-made-up")
    page.wait_text("glowplug providers add lab --base-url http://127.0.0.1:9/v1 --ask-key")
    page.click("Preview")
    page.wait_text("Nothing that is served changes.")
    page.click("Add it")
    page.wait_text("Its key is the secret providers/lab.")
    assert "sk-made-up" not in page.text()
    page.click("Change lab")
    page.type("dialog textarea", '{"base_url": "http://127.0.0.1:19/v1"}')
    page.wait_text("glowplug providers change lab --set base_url=http://127.0.0.1:19/v1")
    page.click("Cancel")
    page.click("Remove lab")
    page.wait_text("glowplug providers remove lab")
    page.click("Remove it")
    page.wait_text("lab was removed")
    assert served.admin("providers", "GET")["data"] == []
    assert page.faults(host(served)) == []


def test_a_broken_configuration_says_where_and_a_good_one_is_saved_and_undone(served: Installation, page: Page) -> None:
    assert served.config is not None
    before = served.config.read_text()
    page.open(f"{served.base_url}/ui/config?view=file")
    page.wait_text("No change.")
    shown = page.evaluate("document.querySelector('textarea').value")
    page.type("Configuration file", shown.replace("engine: llamacpp", "engine: lamacpp", 1))
    page.wait_text("there is no engine lamacpp")
    page.wait_text(f"models.{COLD}.engine")
    assert page.evaluate("document.querySelector('.editor + .actions .main').disabled")
    page.type("Configuration file", shown.replace("chat-other-fake: {", "chat-other-fake: {keep_alive: 7m, "))
    page.wait_text("It can be saved.")
    page.click("Save")
    page.wait_text("A copy of the file as it is stays beside it")
    page.until("the change is previewed", "document.querySelector('dialog .diff .plus') !== null")
    page.click("dialog button.main")
    page.wait_text("Saved, and in force.")
    assert served.config.read_text() == before.replace("chat-other-fake: {", "chat-other-fake: {keep_alive: 7m, ")
    page.click(".toast button")
    page.wait_text("Undone")
    assert served.config.read_text() == before
    served.write(before.replace("engine: llamacpp", "engine: lamacpp", 1))
    page.wait_text("not in force")
    page.wait_text("there is no engine lamacpp")
    served.write(before)
    page.wait_gone("there is no engine lamacpp")
    assert page.faults(host(served)) == []


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
