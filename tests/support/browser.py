"""A real headless Chromium for tests, driven by its DevTools protocol.

    with chromium() as browser, browser.page(width=390, dark=True) as page:
        page.open(url)
        page.type("E-mail address", "ann@example.org")
        page.click("Log in")
        page.wait_text("Models on this machine")
        assert page.faults() == []

Things are found as people find them: by the accessible name of a button, link or field, or by a CSS selector.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import queue
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from websockets.sync.client import ClientConnection, connect

from tools import system

PATIENCE_S = 15.0
NARROW, BROAD = 390, 1440
_FLAGS = (
    "--headless=new", "--remote-debugging-port=0", "--no-first-run", "--no-default-browser-check", "--disable-gpu",
    "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-extensions", "--force-color-profile=srgb", "--password-store=basic", "--hide-scrollbars",
)  # fmt: skip
_FIND = """
(() => {
  const wanted = %s;
  const seen = (node) => node.getClientRects().length > 0 && getComputedStyle(node).visibility !== "hidden";
  const name = (node) => {
    const label = node.getAttribute("aria-label")
      ?? (node.labels?.length ? node.labels[0].querySelector("span")?.innerText ?? node.labels[0].innerText : null)
      ?? node.innerText;
    return (label ?? "").trim();
  };
  const top = document.querySelector("dialog[open]") ?? document;
  const some = [...top.querySelectorAll("button, a, input, select, textarea, [role=option], summary")].filter(seen);
  const found = some.find((node) => name(node) === wanted) ?? some.find((node) => name(node).startsWith(wanted));
  if (found) return found;
  try { return [...top.querySelectorAll(wanted)].find(seen) ?? null; } catch { return null; }
})()
"""


class BrowserProblem(AssertionError):
    """The page did not do what was waited for, or the browser did not do what it was asked."""


@dataclass
class Seen:
    """What a page did that a test wants to know."""

    console: list[str] = field(default_factory=list)
    """Errors and warnings of the console, failed requests and violated policies among them."""
    exceptions: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    """Every host that was asked for something."""


class Page:
    """One tab with a session of its own: cookies of other pages are not in it."""

    def __init__(self, wire: _Wire, session: str) -> None:
        self._wire = wire
        self._session = session
        self.seen = wire.watch(session)

    def call(self, method: str, **params: Any) -> Any:
        """A method of the DevTools protocol."""
        return self._wire.call(method, params, self._session)

    # ---- looking

    def evaluate(self, script: str) -> Any:
        """The JSON value of an expression; promises are awaited.  Raises BrowserProblem for what it throws."""
        found = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True, userGesture=True
        )
        if "exceptionDetails" in found:
            raise BrowserProblem(f"{script[:200]}: {found['exceptionDetails']}")
        return found["result"].get("value")

    def until(self, what: str, script: str, within: float = PATIENCE_S) -> Any:
        """Poll an expression until it is true; fails naming `what`, and says what the page showed."""
        deadline = time.monotonic() + within
        while True:
            with contextlib.suppress(BrowserProblem):  # a page that is just being left has no document
                if found := self.evaluate(script):
                    return found
            if time.monotonic() > deadline:
                raise BrowserProblem(f"waited {within:g} s until {what}; {self.seen}; the page shows:\n{self.text()}")
            time.sleep(0.02)

    def text(self) -> str:
        """What can be read."""
        return str(self.evaluate("document.body?.innerText ?? ''"))

    def wait_text(self, text: str, within: float = PATIENCE_S) -> None:
        """Until the page shows it, in any case of letters."""
        script = f"(document.body?.innerText ?? '').toLowerCase().includes({json.dumps(text.lower())})"
        self.until(f"{text!r} is shown", script, within)

    def wait_gone(self, text: str, within: float = PATIENCE_S) -> None:
        """Until the page shows it no more."""
        script = f"!(document.body?.innerText ?? '').toLowerCase().includes({json.dumps(text.lower())})"
        self.until(f"{text!r} is gone", script, within)

    def faults(self, own: str = "") -> list[str]:
        """Errors of the console, exceptions and strange hosts up to now; `own` is the host that is not strange."""
        strange = sorted(host for host in self.seen.hosts if own and host != own)
        return [*self.seen.console, *self.seen.exceptions, *(f"asked {host}" for host in strange)]

    def picture(self, file: Path, *, whole: bool = False) -> Path:
        """A screenshot, of what is seen or of the `whole` page."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(shot["data"]))
        return file

    # ---- doing

    def open(self, url: str) -> None:
        """Go there and wait until it is loaded."""
        self.call("Page.navigate", url=url)
        self.until(f"{url} is loaded", "document.readyState === 'complete' && location.href !== 'about:blank'")

    def reload(self) -> None:
        """Load the page anew, as people do."""
        self.call("Page.reload")
        time.sleep(0.05)
        self.until("it is loaded anew", "document.readyState === 'complete'")

    def click(self, name: str) -> None:
        """A button, link or field by its name, or anything by its CSS selector; with the mouse, where it is."""
        script = (
            f"(() => {{ const node = {_FIND % json.dumps(name)}; if (!node) return null;"
            " node.scrollIntoView({block: 'center', behavior: 'instant'}); const box = node.getBoundingClientRect();"
            " return node.disabled ? null : [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        x, y = self.until(f"{name!r} can be clicked", script)
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def type(self, name: str, text: str) -> None:
        """Into a field by its label, in the place of what is there."""
        script = (
            f"(() => {{ const node = {_FIND % json.dumps(name)}; node?.focus(); node?.select?.(); return !!node; }})()"
        )
        self.until(f"there is a field {name!r}", script)
        self.call("Input.insertText", text=text)

    def choose(self, name: str, value: str) -> None:
        """An option of a select by its value."""
        script = (
            f"(() => {{ const node = {_FIND % json.dumps(name)}; if (!node) return false;"
            f" node.value = {json.dumps(value)}; for (const kind of ['input', 'change'])"
            " node.dispatchEvent(new Event(kind, {bubbles: true})); return node.value !== ''; })()"
        )
        self.until(f"{name!r} has {value!r}", script)

    def press(self, key: str, *, control: bool = False) -> None:
        """A key by its name: `Enter`, `Escape`, `k`."""
        codes = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowDown": 40, "ArrowUp": 38}
        code = codes.get(key, ord(key[0].upper()))
        known: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 2 if control else 0}
        text = {"text": "\r"} if key == "Enter" else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **known, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **known)

    def view(self, width: int = BROAD, height: int = 900, *, dark: bool = False) -> None:
        """How broad the window is, and whether the system is dark."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
            mobile=width < 600,
        )  # fmt: skip
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self.call("Emulation.setEmulatedMedia", features=features)


class Browser:
    """A running Chromium."""

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire

    @contextlib.contextmanager
    def page(self, width: int = BROAD, height: int = 900, *, dark: bool = False) -> Iterator[Page]:
        """A new tab that knows nothing of the others."""
        context = self._wire.call("Target.createBrowserContext", {})["browserContextId"]
        target = self._wire.call("Target.createTarget", {"url": "about:blank", "browserContextId": context})["targetId"]
        session = self._wire.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        page = Page(self._wire, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        page.view(width, height, dark=dark)
        try:
            yield page
        finally:
            self._wire.call("Target.disposeBrowserContext", {"browserContextId": context})


class _Wire:
    """The one connection: answers go to whoever asked, events into what was seen of their page."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._last = 0
        self._answers: dict[int, queue.SimpleQueue[Any]] = {}
        self._pages: dict[str, Seen] = {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def watch(self, session: str) -> Seen:
        return self._pages.setdefault(session, Seen())

    def call(self, method: str, params: dict[str, Any], session: str = "") -> Any:
        self._last += 1
        mine: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._answers[self._last] = mine
        message = {"id": self._last, "method": method, "params": params}
        self._socket.send(json.dumps(message | ({"sessionId": session} if session else {})))
        try:
            answer = mine.get(timeout=PATIENCE_S)
        except queue.Empty:
            raise BrowserProblem(f"the browser does not answer {method}") from None
        if "error" in answer:
            raise BrowserProblem(f"{method}: {answer['error']}")
        return answer["result"]

    def _read(self) -> None:
        for text in self._socket:
            message = json.loads(text)
            if "id" in message:
                self._answers.pop(message["id"]).put(message)
            elif (seen := self._pages.get(message.get("sessionId", ""))) is not None:
                note(seen, message["method"], message["params"])


def note(seen: Seen, method: str, params: Any) -> None:
    """Keep what an event says."""
    if method == "Log.entryAdded":
        entry = params["entry"]
        if entry["level"] in ("error", "warning"):
            seen.console.append(f"{entry['level']}: {entry['text']} {entry.get('url', '')}".strip())
    elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
        said = " ".join(str(one.get("value", one.get("description", ""))) for one in params["args"])
        seen.console.append(f"{params['type']}: {said}")
    elif method == "Runtime.exceptionThrown":
        details = params["exceptionDetails"]
        seen.exceptions.append(str(details.get("exception", {}).get("description", details["text"])))
    elif method == "Network.requestWillBeSent":
        parts = urlsplit(params["request"]["url"])
        if parts.scheme not in ("data", "blob", "about", "chrome"):
            seen.hosts.add(parts.netloc)


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Start one with a profile of its own, and end it."""
    program = system.find("chromium")
    assert program is not None, "a test that needs it is marked needs('chromium')"
    profile = tempfile.mkdtemp(prefix="gp-chromium-")
    sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()  # it refuses root otherwise
    process = subprocess.Popen(
        [program, *_FLAGS, *sandbox, f"--user-data-dir={profile}", "about:blank"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env={**os.environ, "HOME": profile},
    )  # fmt: skip
    try:
        with connect(_address(process), max_size=None, open_timeout=PATIENCE_S) as socket:
            yield Browser(_Wire(socket))
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stderr is not None
        process.stderr.close()
        shutil.rmtree(profile, ignore_errors=True)


def _address(process: subprocess.Popen[bytes]) -> str:
    """Where it listens, as it says; the rest of what it says is read and dropped."""
    stream = process.stderr
    assert stream is not None
    said: list[str] = []
    found: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        with contextlib.suppress(ValueError):  # closed at the end
            for line in stream:
                said.append(line.decode(errors="replace"))
                if match := re.search(r"DevTools listening on (ws://\S+)", said[-1]):
                    found.put(match[1])

    threading.Thread(target=read, daemon=True).start()
    try:
        return found.get(timeout=60.0)
    except queue.Empty:
        raise BrowserProblem("Chromium did not start:\n" + "".join(said[-20:])) from None
