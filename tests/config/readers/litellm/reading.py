"""Reading a text and loading what comes of it, as the tests need it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from glowplug.config.load import Loaded, load_bytes
from glowplug.config.readers.foreign import Foreign, Outcome
from glowplug.config.readers.litellm import LiteLLM, Overlay, read
from glowplug.engines.catalogue import Catalogue
from glowplug.providers.catalogue import PROVIDERS

SAMPLES = Path(__file__).with_name("samples")


def read_text(text: str, overlay: Overlay | None = None, **env: str) -> LiteLLM:
    return read(text, env=env, providers=PROVIDERS, overlay=overlay or Overlay())


def one(params: str, rest: str = "", **env: str) -> LiteLLM:
    """A file with one deployment `m` of these parameters, as a flow mapping, and more sections below."""
    return read_text(f"model_list:\n- model_name: m\n  litellm_params: {{{params}}}\n{rest}\n", **env)


def loaded(read: Foreign, **env: str) -> Loaded:
    """The document through our own loader, its secrets in their places; raises ConfigError when it has problems."""
    text = json.dumps(read.document)
    for name, secret in read.secrets.items():
        text = text.replace(f'"secret:{name}"', json.dumps(secret.reveal().replace("${", "$${")))
    return load_bytes(text.encode(), path=None, env=env, engines=Catalogue(), providers=PROVIDERS)


def notes(read: Foreign, outcome: Outcome) -> dict[str, str]:
    """Where → why, of the notes of one outcome."""
    return {note.where: note.why for note in read.notes if note.outcome is outcome}


def only(read: Foreign, section: str) -> Any:
    """The one entry of a section."""
    (entry,) = read.document[section].values()  # type: ignore[union-attr]
    return entry
