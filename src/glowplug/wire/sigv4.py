"""Signature Version 4 of AWS: what proves that a request comes from who holds a secret key, without sending it.  Pure.

As in AWS's documentation (IAM user guide, "Create a signed AWS API request"), for services other than S3: a path is
percent-encoded once more than it was sent.  One signature covers the method, the path, the query, the named header
fields and the hash of the body, and holds for a quarter of an hour.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from hashlib import sha256
from time import gmtime, strftime
from typing import Final
from urllib.parse import quote, unquote_plus

from glowplug.domain.provider import AwsKeys

ALGORITHM: Final = "AWS4-HMAC-SHA256"
_UNRESERVED: Final = "-_.~"
_SPACES: Final = re.compile(r"\s+")

Field = tuple[str, str]
"""A header field: name and value."""


def scope_of(keys: AwsKeys, day: str) -> str:
    """What a signing key is good for."""
    return f"{day}/{keys.region}/{keys.service}/aws4_request"


def canonical_query(query: str) -> str:
    """The query string in the one form both sides compute: encoded anew, ordered by name and value."""
    pairs = []
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        pairs.append(tuple(quote(unquote_plus(part), safe=_UNRESERVED) for part in (name, value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def canonical_path(path: str) -> str:
    """The path without `.`, `..` and empty segments, encoded."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    slash = "/" if kept and path.endswith(("/", "/.", "/..")) else ""
    return quote(f"/{'/'.join(kept)}{slash}", safe=f"/{_UNRESERVED}")


def canonical_request(method: str, path: str, query: str, fields: Sequence[Field], digest: str) -> tuple[str, str]:
    """(canonical request, names of the signed fields).  `digest` is the SHA-256 of the body in hex."""
    values: dict[str, list[str]] = {}
    for name, value in fields:
        values.setdefault(name.lower(), []).append(_SPACES.sub(" ", value.strip()))
    names = ";".join(sorted(values))
    lines = "".join(f"{name}:{','.join(values[name])}\n" for name in sorted(values))
    return "\n".join((method, canonical_path(path), canonical_query(query), lines, names, digest)), names


def signing_key(keys: AwsKeys, day: str) -> bytes:
    """The key of one day, region and service."""
    key = f"AWS4{keys.secret_key}".encode()
    for part in scope_of(keys, day).split("/"):
        key = hmac.digest(key, part.encode(), sha256)
    return key


def authorization(
    keys: AwsKeys, moment: str, method: str, path: str, query: str, fields: Sequence[Field], digest: str
) -> str:
    """The value of `Authorization`; `moment` is UTC as `20150830T123600Z`, and is one of `fields` as `x-amz-date`."""
    request, names = canonical_request(method, path, query, fields, digest)
    scope = scope_of(keys, moment[:8])
    text = "\n".join((ALGORITHM, moment, scope, sha256(request.encode()).hexdigest()))
    signature = hmac.digest(signing_key(keys, moment[:8]), text.encode(), sha256).hex()
    return f"{ALGORITHM} Credential={keys.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"


class Signer:
    """Signs the requests to one place."""

    __slots__ = ("_host", "_keys")

    def __init__(self, keys: AwsKeys, host: str) -> None:
        self._keys = keys
        self._host = host
        """As in the header field `host`."""

    def lines(self, head: bytes, body: bytes, now: float) -> bytes:
        """Header lines for a request whose head begins with `head`; `now` in Unix seconds.  The body is hashed once."""
        method, target = head.partition(b" HTTP/1.1\r\n")[0].decode("latin-1").split(" ", 1)
        path, _, query = target.partition("?")
        moment = strftime("%Y%m%dT%H%M%SZ", gmtime(now))
        digest = sha256(body).hexdigest()
        fields = [("x-amz-date", moment), ("x-amz-content-sha256", digest)]
        if self._keys.session_token:
            fields.append(("x-amz-security-token", self._keys.session_token))
        value = authorization(self._keys, moment, method, path, query, [("host", self._host), *fields], digest)
        return "".join(f"{name}: {text}\r\n" for name, text in (*fields, ("authorization", value))).encode("latin-1")
