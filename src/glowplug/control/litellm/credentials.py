"""`/credentials`: secrets of providers.  A credential of LiteLLM's has several values; each is a secret `NAME.FIELD`,
the key itself `NAME`.  No answer has a value, nor a mask that somebody could send back in its place."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.litellm.shapes import NotHere, body, shaped
from glowplug.control.routes import Endpoint, actor
from glowplug.control.services import Services
from glowplug.domain.change import Actor
from glowplug.errors import Conflict, NotFound, RequestError
from glowplug.usecases.credentials import CredentialBook, CredentialView, NewCredential

_KEY = "api_key"
_MASK = "****"


class CredentialFields(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a body that describes a credential."""

    credential_name: str = ""
    credential_values: dict[str, Any] = {}
    credential_info: dict[str, Any] = {}
    model_id: str = ""

    def __repr__(self) -> str:
        return f"CredentialFields({self.credential_name!r}, ***)"


class Credentials:
    """What `/credentials` does."""

    def __init__(self, book: CredentialBook) -> None:
        self._book = book

    def _every(self) -> dict[str, list[CredentialView]]:
        """Name → its secrets, the key first."""
        rows: list[CredentialView] = []
        while True:
            page = self._book.list(after=rows[-1].name if rows else "")
            rows += page.data
            if not page.has_more:
                break
        names = {row.name for row in rows}
        found: dict[str, list[CredentialView]] = {}
        for row in rows:
            stem, _, field = row.name.rpartition(".")
            found.setdefault(stem if field and stem in names else row.name, []).append(row)
        return found

    def _row(self, name: str, rows: list[CredentialView]) -> dict[str, Any]:
        return {
            "credential_name": name,
            "credential_values": {},
            "credential_info": {
                "fields": [_KEY if row.name == name else row.name.removeprefix(f"{name}.") for row in rows],
                "used_by": [use for row in rows for use in row.used_by],
                "problem": next((row.problem for row in rows if row.problem), None),
            },
        }

    async def every(self, _request: Request) -> Response:
        return answer({"success": True, "credentials": [self._row(*item) for item in self._every().items()]})

    def _named(self, name: str) -> list[CredentialView]:
        found = self._every().get(name)
        if found is None:
            raise NotFound(f"there is no credential {name[:80]!r}", hint="GET /credentials has those there are")
        return found

    async def by_name(self, request: Request) -> Response:
        name = request.path_params["name"]
        return answer(self._row(name, self._named(name)))

    async def new(self, request: Request) -> Response:
        wanted = await body(request, CredentialFields)
        if wanted.model_id:
            raise NotHere("a credential cannot be made of a model here", hint="send credential_values")
        if wanted.credential_name in self._every():
            raise Conflict(
                f"there is a credential {wanted.credential_name[:80]!r}", hint="PATCH /credentials/NAME changes it"
            )
        if _KEY not in wanted.credential_values:
            raise RequestError("credential_values has no api_key", hint="send the key as api_key")
        await self._put(wanted.credential_name, wanted, actor(request))
        return answer({"success": True, "message": "Credential created successfully"})

    async def change(self, request: Request) -> Response:
        name = request.path_params["name"]
        self._named(name)
        wanted = await body(request, CredentialFields)
        if wanted.credential_name not in ("", name):
            raise RequestError("a credential keeps its name", hint="make another one")
        await self._put(name, wanted, actor(request))
        return answer({"success": True, "message": "Credential updated successfully"})

    async def _put(self, name: str, wanted: CredentialFields, who: Actor) -> None:
        """Everything is checked before anything is stored."""
        secrets = []
        for field, value in wanted.credential_values.items():
            if value is None:
                continue
            if not isinstance(value, str | int | float):
                raise RequestError(f"{field[:40]!r} is no text", hint="values of credentials are strings")
            if _MASK in str(value):
                raise RequestError(
                    f"{field[:40]!r} is a mask and no value", hint="send the value itself, or leave it out"
                )
            secrets.append(NewCredential(name=name if field == _KEY else f"{name}.{field}", value=str(value)))
        for secret in secrets:
            await self._book.put(secret, dry_run=True, actor=who)
        for secret in secrets:
            await self._book.put(secret, actor=who)

    async def delete(self, request: Request) -> Response:
        name = request.path_params["name"]
        rows = self._named(name)
        for row in rows:
            await self._book.delete(row.name, dry_run=True, actor=actor(request))
        for row in rows:
            await self._book.delete(row.name, actor=actor(request))
        return answer({"success": True, "message": "Credential deleted successfully"})


def routes(services: Services) -> tuple[Endpoint, ...]:
    if services.credentials is None:
        return ()
    credentials = Credentials(services.credentials)
    admin = Policy.ADMIN
    return shaped(
        (
            Endpoint("GET", "/credentials", credentials.every, "LiteLLM: names of secrets", admin),
            Endpoint("POST", "/credentials", credentials.new, "LiteLLM: store a secret", admin),
            Endpoint("GET", "/credentials/by_name/{name:path}", credentials.by_name, "LiteLLM: a secret", admin),
            Endpoint("PATCH", "/credentials/{name:path}", credentials.change, "LiteLLM: change a secret", admin),
            Endpoint("DELETE", "/credentials/{name:path}", credentials.delete, "LiteLLM: forget a secret", admin),
        )
    )
