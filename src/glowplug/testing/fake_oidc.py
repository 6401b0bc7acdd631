"""An OpenID provider that can misbehave, for tests.

Its addresses and documents are shaped like those of Keycloak 26 (`/realms/NAME/protocol/openid-connect/…`).  Nobody
types a password: `authorize` plays the browser that comes back with a code.
"""

from __future__ import annotations

import json
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CLIENT, SECRET = "glowplug", "client secret"
WRONGS = (
    "nonce", "no_nonce", "aud", "azp", "iss", "expired", "future", "alg_none", "alg_hs256", "other_key", "unknown_kid",
    "no_sub", "no_exp",
)  # fmt: skip
"""What `wrong` may be: one thing about the next ID tokens."""


class FakeOidc:
    """`wrong` is one of WRONGS or empty; `claims` go into every ID token; `seen` has the paths that were asked for."""

    def __init__(self) -> None:
        self.wrong = ""
        self.claims: dict[str, Any] = {"sub": "f:1:ann", "email": "ann@lab.example", "email_verified": True}
        self.documents: dict[str, Any] = {}
        """Put in place of members of the discovery document."""
        self.seen: list[str] = []
        self.url = ""
        self._codes: dict[str, dict[str, str]] = {}
        self.turn()

    def turn(self) -> None:
        """Sign with a new key from now on."""
        self._private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._kid = secrets.token_hex(8)

    @property
    def issuer(self) -> str:
        return f"{self.url}/realms/lab"

    def authorize(self, url: str) -> dict[str, str]:
        """Somebody logs in at this address; the parameters with which their browser is sent back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert asked["response_type"] == "code" and asked["client_id"] == CLIENT, asked
        assert asked["code_challenge_method"] == "S256" and "openid" in asked["scope"].split(), asked
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        return {"state": asked["state"], "code": code, "iss": self.issuer, "session_state": "x"}

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, Any]:
        """Status and JSON for a request."""
        self.seen.append(path)
        base = f"{self.issuer}/protocol/openid-connect"
        match path.removeprefix("/realms/lab/"):
            case ".well-known/openid-configuration":
                found = {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{base}/auth",
                    "token_endpoint": f"{base}/token",
                    "jwks_uri": f"{base}/certs",
                    "code_challenge_methods_supported": ["plain", "S256"],
                }
                return 200, found | self.documents
            case "protocol/openid-connect/certs":
                numbers = self._private.public_key().public_numbers()
                own = {"kid": self._kid, "kty": "RSA", "alg": "RS256", "use": "sig"}
                return 200, {"keys": [own | {"n": _number(numbers.n), "e": _number(numbers.e)}]}
            case "protocol/openid-connect/token":
                asked = self._codes.pop(form.get("code", ""), None)
                challenge = urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=")
                good = asked is not None and challenge.decode() == asked["code_challenge"]
                if asked is None or not good or form["redirect_uri"] != asked["redirect_uri"]:
                    return 400, {"error": "invalid_grant", "error_description": "Code not valid"}
                return 200, {"access_token": "x", "token_type": "Bearer", "id_token": self._token(asked["nonce"])}
        return 404, {"error": "RESTEASY003210: Could not find resource for full path"}

    def _token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": nonce} | self.claims
        bad: dict[str, dict[str, Any]] = {
            "nonce": {"nonce": "another"},
            "aud": {"aud": "another"},
            "azp": {"aud": [CLIENT, "another"], "azp": "another"},
            "iss": {"iss": f"{self.issuer}/"},
            "expired": {"exp": now - 120, "iat": now - 420},
            "future": {"iat": now + 3600, "nbf": now + 3600},
        }
        claims |= bad.get(self.wrong, {})
        for wrong, name in (("no_nonce", "nonce"), ("no_sub", "sub"), ("no_exp", "exp")):
            if self.wrong == wrong:
                del claims[name]
        headers = {"kid": "unknown" if self.wrong == "unknown_kid" else self._kid}
        if self.wrong == "alg_none":
            return jwt.encode(claims, "", algorithm="none", headers=headers)
        if self.wrong == "alg_hs256":
            return self._signed_with_the_public_key(claims, headers)
        other = rsa.generate_private_key(public_exponent=65537, key_size=2048) if self.wrong == "other_key" else None
        return jwt.encode(claims, other or self._private, algorithm="RS256", headers=headers)

    def _signed_with_the_public_key(self, claims: dict[str, Any], headers: dict[str, str]) -> str:
        """By hand: libraries refuse to use a public key as a shared one, attackers do not."""
        from hmac import new

        pem = self._private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        parts = [json.dumps({"alg": "HS256", "typ": "JWT"} | headers).encode(), json.dumps(claims).encode()]
        signed = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in parts)
        return (signed + b"." + urlsafe_b64encode(new(pem, signed, sha256).digest()).rstrip(b"=")).decode()


@contextmanager
def serving(provider: FakeOidc) -> Iterator[FakeOidc]:
    """The provider on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["content-length"])).decode()
            self._answer({name: values[0] for name, values in parse_qs(data).items()})

        def _answer(self, form: dict[str, str]) -> None:
            status, document = provider.answer(urlsplit(self.path).path, form)
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _number(value: int) -> str:
    data = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return urlsafe_b64encode(data).rstrip(b"=").decode()
