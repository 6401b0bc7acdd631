"""Record what a client sends: listens on a free port of this machine, prints it, hands every request on, and writes
each POST that has a model to `OUT_1.json`, `OUT_2.json`, …

    python -m tools.clients --to http://127.0.0.1:4000 --model chat-default --keep "list files" \
        --client Codex --version 0.171 --out tests/clients/codex_recorded
"""

from __future__ import annotations

import http.client
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import click
from tools.clients.scrubbing import headers, renamed, scrubbed

_HOP = ("connection", "transfer-encoding", "keep-alive", "content-length", "host")


class Recorder:
    """Writes requests down, each shape once."""

    def __init__(self, out: str, client: str, version: str, model: str, kept: tuple[str, ...]) -> None:
        self._out, self._client, self._version, self._model, self._kept = out, client, version, model, kept
        self._seen: set[str] = set()
        self._lock = Lock()

    def note(self, path: str, fields: dict[str, str], data: bytes) -> None:
        try:
            body = json.loads(data)
        except ValueError:
            return
        if not isinstance(body, dict) or "model" not in body:
            return
        clean = renamed(scrubbed(body, (*self._kept, self._model)), self._model)
        texts = [text for text in self._kept if text in json.dumps(body, ensure_ascii=False)]
        tools = [tool for one in body.get("tools") or () if (tool := _tool(one))]
        row: dict[str, Any] = {
            "client": self._client, "version": self._version,
            "request": {"method": "POST", "path": path, "headers": headers(fields), "body": clean},
            "expect": {"status": 200, "tools": tools[:3], "texts": texts},
        }  # fmt: skip
        with self._lock:
            text = json.dumps(row, indent=2, ensure_ascii=False) + "\n"
            if text in self._seen:
                return
            self._seen.add(text)
            Path(f"{self._out}_{len(self._seen)}.json").write_text(text)


def _tool(tool: Any) -> str:
    """The name of a tool that a client runs itself, in every wire."""
    if not isinstance(tool, dict):
        return ""
    function = tool.get("function") or tool
    return str(function.get("name") or "") if tool.get("type") in (None, "function", "custom") else ""


@click.command()
@click.option("--to", required=True, metavar="URL")
@click.option("--model", required=True)
@click.option("--keep", multiple=True, metavar="TEXT", help="Words of ours that stay; may be repeated.")
@click.option("--client", required=True)
@click.option("--version", required=True)
@click.option("--out", required=True, metavar="PREFIX")
def main(to: str, model: str, keep: tuple[str, ...], client: str, version: str, out: str) -> None:
    """Listen, record, hand on; until Ctrl-C."""
    recorder, target = Recorder(out, client, version, model, keep), urlsplit(to)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            data = self.rfile.read(int(self.headers.get("content-length") or 0))
            fields = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
            if self.command == "POST":
                recorder.note(self.path, fields, data)
            connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=300)
            connection.request(self.command, self.path, data or None, fields)
            answer = connection.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP:
                    self.send_header(name, value)
            self.send_header("Connection", "close")
            self.end_headers()
            while piece := answer.read1(65_536):
                self.wfile.write(piece)
            self.close_connection = True
            connection.close()

        do_GET = do_POST = do_HEAD = do_DELETE = _pass

        def log_message(self, *_: object) -> None:
            """What comes is written down already."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    click.echo(f"http://127.0.0.1:{server.server_port}")
    server.serve_forever()


if __name__ == "__main__":
    main()
