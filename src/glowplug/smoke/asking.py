"""One request over the public port, as any client would send it."""

from __future__ import annotations

import http.client
import ssl
from time import monotonic
from typing import Protocol
from urllib.parse import urlsplit

from glowplug.errors import RequestError
from glowplug.smoke.probes import Answer, Asked

_MOST = 64 << 20
"""Bytes of an answer that are read."""
_PIECE = 65_536


class Server(Protocol):
    """Whom the run asks."""

    name: str

    def ask(self, asked: Asked, seconds: float, *, key: str | None = None) -> Answer:
        """The answer, whatever its status.  `key` instead of the usual one (empty: none).  Raises OSError."""


class HttpServer:
    """A server at an address, with a key to use there."""

    def __init__(self, url: str, key: str) -> None:
        """Raises RequestError when the address is none."""
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise RequestError(f"{url!r} is not an address of a server", hint="write for example http://127.0.0.1:4000")
        self.name = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self._host, self._port = parts.hostname, parts.port
        self._prefix = parts.path.rstrip("/").removesuffix("/v1")
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._key = key

    def ask(self, asked: Asked, seconds: float, *, key: str | None = None) -> Answer:
        """Raises OSError."""
        connection = self._connection(seconds)
        used = self._key if key is None else key
        headers = {**({"Authorization": f"Bearer {used}"} if used else {}), **asked.headers}
        if asked.body:
            headers["Content-Type"] = asked.media
        begun = monotonic()
        try:
            connection.request(asked.method, self._prefix + asked.path, asked.body or None, headers)
            response = connection.getresponse()
            body, first = bytearray(), 0.0
            while piece := response.read1(_PIECE):
                first = first or monotonic() - begun
                body += piece
                if len(body) > _MOST:
                    raise OSError("the answer does not end")
                if monotonic() - begun > seconds:
                    raise TimeoutError(f"no whole answer within {seconds:.0f} s")
            if response.length:
                raise OSError(f"the answer breaks off, {response.length} bytes before its end")
            said = {name.lower(): value for name, value in response.getheaders()}
            return Answer(
                status=response.status, headers=said, body=bytes(body), first=first, total=monotonic() - begun
            )
        except TimeoutError:
            raise TimeoutError(f"no whole answer within {seconds:.0f} s") from None
        except http.client.HTTPException as error:
            raise OSError(f"the answer breaks off: {error!r}") from None
        finally:
            connection.close()

    def _connection(self, seconds: float) -> http.client.HTTPConnection:
        if self._tls is not None:
            return http.client.HTTPSConnection(self._host, self._port, timeout=seconds, context=self._tls)
        return http.client.HTTPConnection(self._host, self._port, timeout=seconds)
