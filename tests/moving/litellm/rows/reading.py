"""Reads single rows in tests."""

from __future__ import annotations

from glowplug.config.readers.litellm.ciphertext import Opener
from glowplug.moving.litellm.values import Reading
from glowplug.testing.litellm_sealing import KEYS


def reading() -> Reading:
    return Reading(Opener(KEYS))


def notes(of: Reading) -> list[str]:
    return [str(note) for note in of.notes]
