"""Which target each conversation is used to: bounded, of one worker, and only for aliases that ask for it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from hashlib import blake2b
from time import monotonic
from typing import TYPE_CHECKING, Final

import msgspec

from glowplug.domain.usage import Outcome

if TYPE_CHECKING:
    from glowplug.gateway.call import Call
    from glowplug.gateway.targets import Target

MOST: Final = 65_536
"""Conversations that are remembered; the one unused for longest is forgotten first."""
HEADERS: Final = (
    b"x-glowplug-session", b"x-litellm-session-id", b"x-litellm-trace-id", b"x-openwebui-chat-id", b"session_id",
    b"conversation_id",
)  # fmt: skip
"""Fields in which clients name a conversation: ours, LiteLLM's, Open WebUI's, Codex's."""


class _Metadata(msgspec.Struct):
    user_id: str | None = None
    session_id: str | None = None


class _Names(msgspec.Struct):
    """Members that name a conversation, or who has it."""

    prompt_cache_key: str | None = None
    user: str | None = None
    metadata: _Metadata | None = None


class _Message(msgspec.Struct):
    role: str = ""


class _Texts(msgspec.Struct):
    messages: list[msgspec.Raw] = []
    system: msgspec.Raw = msgspec.Raw(b"")
    input: msgspec.Raw = msgspec.Raw(b"")


_names = msgspec.json.Decoder(_Names).decode
_texts = msgspec.json.Decoder(_Texts).decode
_message = msgspec.json.Decoder(_Message).decode


class Sessions:
    """Conversation → the target that answered it last, and until when that counts (monotonic seconds)."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, tuple[str, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def of(self, session: bytes, now: float) -> str:
        """The name of the target, or empty.  Changes nothing: who explains asks too."""
        name, until = self._known.get(session, ("", 0.0))
        return name if until > now else ""

    def keep(self, call: Call, target: Target, outcome: Outcome) -> None:
        """An attempt for a conversation has ended."""
        if outcome is Outcome.OK:
            known, session = self._known, call.conversation
            known[session] = (target.name, monotonic() + call.route.alias.sticky)
            known.move_to_end(session)
            if len(known) > MOST:
                known.popitem(last=False)


def session_of(key: str, alias: str, headers: Mapping[bytes, bytes], body: bytes) -> bytes:
    """What a conversation is remembered by: its name where the client gives one, else how it began.

    Either counts for one key and one alias only.  The beginning is everything up to the first message of a user, which
    stays the same while a conversation grows.
    """
    name = next((headers[field] for field in HEADERS if headers.get(field)), b"")
    told = name or _told(body)
    digest = blake2b(digest_size=16, key=b"n" if told else b"b")
    for part in (key.encode(), alias.encode(), *([told] if told else _beginning(body))):
        digest.update(b"%d:" % len(part) + part)
    return digest.digest()


def _told(body: bytes) -> bytes:
    try:
        found = _names(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return b""
    metadata = found.metadata or _Metadata()
    user = metadata.user_id or ""
    session = user.rpartition("session_")[2] if "session_" in user else user  # Claude Code: user_…_session_<uuid>
    return (found.prompt_cache_key or metadata.session_id or session or found.user or "").encode()


def _beginning(body: bytes) -> list[bytes]:
    try:
        texts = _texts(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [body]
    parts = [bytes(texts.system)]
    if not texts.messages:
        return [*parts, bytes(texts.input)[:4096]]
    for message in texts.messages:
        parts.append(bytes(message))
        try:
            if _message(message).role == "user":
                break
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            break
    return parts
