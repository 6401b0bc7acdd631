"""What every translation of one wire into another has in common.  Pure.

A translation belongs to one request: it is made from the client's body, gives the body that goes upstream, and turns
the answer (whole, refused, or as a stream in whatever pieces it comes) into the client's wire.  Its row is in
`gateway.roads.EDGES`; what is said in one wire and has no word in the other is dropped by a rule its module states, and
only what would make the answer wrong is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Untranslatable(ValueError):
    """An answer that makes no sense in the wire it is said to be in."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a translation must know of a request beyond its body."""

    id: str
    """The request's id; wires put their own prefix in front."""
    model: str
    """The name the client asked for, which is the name the answer gives."""
    created: int
    """Unix seconds."""
    local: bool = False
    """An engine here is asked: they pass over members they do not know, which providers refuse."""


class Stream(Protocol):
    """The bytes of an answer in the upstream's wire in, those of the client's wire out."""

    @property
    def broken(self) -> str:
        """Why no more will come although the answer has not ended; empty as long as all is well.  Then nothing that
        looks like an end has gone out."""

    @property
    def done(self) -> bool:
        """Whether what came out so far completes the answer in the client's wire."""

    def feed(self, data: bytes) -> bytes:
        """What follows from these bytes, at once: an event is never held back longer than its own end."""

    def end(self) -> bytes:
        """The upstream has nothing more to say."""


class Translation(Protocol):
    """One request on its way into another wire, and its answer on the way back."""

    request: bytes
    """The body in the upstream's wire; `model` still is the client's name.  A streamed one asks for usage itself."""

    def whole(self, data: bytes) -> bytes:
        """A good answer.  Raises Untranslatable."""

    def failure(self, status: int, data: bytes) -> bytes:
        """An error that the upstream answered, whatever its body is, as an error object of the client's wire."""

    def stream(self) -> Stream:
        """A reader over the answer as it comes."""


Translate = Callable[[bytes, Asked], Translation]
"""Begins a translation.  Raises RequestError for a body that the upstream's wire cannot say."""
