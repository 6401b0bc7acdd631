"""What tokens cost at rates that are the same at every hour and for every length.

The arithmetic of `domain.price`, with everything looked up beforehand: each attempt asks for it twice."""

from __future__ import annotations

from typing import Final

MILLION: Final = 1_000_000
MOST: Final = 1 << 53
"""Nano-dollars of one line: an upstream that reports an absurd usage makes no sum overflow."""


class Tariff:
    """Nano-dollars for a million tokens of each kind, and for each attempt that was answered."""

    __slots__ = ("cached", "completion", "heard", "prompt", "request", "said", "written")

    def __init__(
        self, prompt: int, completion: int, cached: int, written: int, heard: int, said: int, request: int
    ) -> None:
        self.prompt = prompt
        self.completion = completion
        self.cached = cached
        """Prompt tokens read from the provider's cache."""
        self.written = written
        """Prompt tokens put into it."""
        self.heard = heard
        """Audio in the prompt."""
        self.said = said
        """Audio in the answer."""
        self.request = request

    def text(self, prompt: int, completion: int) -> int:
        """What tokens of no special kind cost in an attempt that was answered, in nano-dollars."""
        total = self.request - (-(prompt * self.prompt + completion * self.completion) // MILLION)
        if total > MOST:
            return MOST
        return total

    def of(self, prompt: int, completion: int, cached: int, written: int, heard: int, said: int) -> int:
        """What an attempt that was answered costs, in nano-dollars, whatever the sum.  `prompt` holds cached, written
        and heard tokens, `completion` what was said; an upstream that reports more of a part than of the whole is
        charged for the parts."""
        plain = prompt - cached - written - heard
        if plain < 0:
            plain = 0
        spoken = completion - said
        if spoken < 0:
            spoken = 0
        total = (
            plain * self.prompt
            + cached * self.cached
            + written * self.written
            + heard * self.heard
            + spoken * self.completion
            + said * self.said
        )
        return self.request - (-total // MILLION)
