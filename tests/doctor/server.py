"""A server on a museum's machine that says what a test wants."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from glowplug.doctor.site import Foreign
from glowplug.secret import Secret
from tests.doctor.museum import STATE, Machine

KEY = "gp-admin"


def serve(machine: Machine, answers: Mapping[str, Any]) -> None:
    """Answer `GET path` with these objects, for as long as the machine is there; 404 for others, 401 without the key.

    A machine that is served already answers differently from then on.
    """
    if not machine.path(f"{STATE}/run/endpoint.json").exists():
        _start(machine)
    machine.answers.clear()
    machine.answers.update(answers)


def serve_litellm(machine: Machine, answers: Mapping[str, Any], *, keys: tuple[str, ...] = ("sk-admin",)) -> None:
    """A LiteLLM that runs: `/health…` is open, other paths want one of these keys; the empty one is none."""
    if machine.site.litellm is None or machine.site.litellm.url is None:
        url = _listening(
            machine,
            machine.litellm_answers,
            lambda path, key: key in machine.litellm_keys or (path == "/health/readiness"),
        )
        machine.site.litellm = replace(machine.site.litellm or Foreign(), url=url, url_key=Secret("sk-admin"))
    machine.litellm_answers.clear()
    machine.litellm_answers.update(answers)
    machine.litellm_keys[:] = keys


def serve_index(machine: Machine, files: Mapping[str, bool | str]) -> None:
    """A package index that has these files of ours: name → whether, or why, it was yanked."""
    if not machine.site.index:
        machine.site.index = _listening(machine, machine.index_answers, lambda path, key: True) + "/simple/"
    named = [{"filename": name, "url": f"../{name}", "hashes": {}, "yanked": why} for name, why in files.items()]
    machine.index_answers["/simple/glowplug/"] = {"meta": {"api-version": "1.0"}, "name": "glowplug", "files": named}


def _start(machine: Machine) -> None:
    url = _listening(machine, machine.answers, lambda path, key: key == KEY)
    machine.write(f"{STATE}/run/endpoint.json", json.dumps({"base_url": url, "pid": 1}))
    machine.write(f"{STATE}/cli.key", KEY)


def _listening(machine: Machine, answers: Mapping[str, Any], lets_in: Callable[[str, str], bool]) -> str:
    """Where it listens, for as long as the machine is there."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = lets_in(self.path, (self.headers["Authorization"] or "").removeprefix("Bearer "))
            found = answers.get(self.path)
            body = found if isinstance(found, bytes) else json.dumps(found).encode()
            self.send_response(401 if not known else 404 if found is None else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    machine.at_close.append(stop)
    return f"http://127.0.0.1:{server.server_address[1]}"
