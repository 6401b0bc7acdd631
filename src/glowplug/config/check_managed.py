"""What entries of `managed.yaml` may not have although their types allow it: files outside the declared folders of
models, addresses nobody serves models at, options that name files or hold templates."""

from __future__ import annotations

import os
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Final

from glowplug.config.catalogue import EngineCatalogue
from glowplug.config.check_local import Found
from glowplug.config.egress import url_objection
from glowplug.config.lines import Path as Place
from glowplug.config.managed import Entry
from glowplug.config.schema import Config
from glowplug.config.schema_models import Model
from glowplug.config.secrets import absolute

FILES: Final = frozenset(("mmproj", "draft_model", "lora"))
"""Options that name a file of weights."""
NEVER: Final = frozenset(
    ("chat_template", "chat_template_file", "tokenizer", "tokenizer_path", "generation_config", "load_format")
)
"""Options that hold or name what an engine renders, or may read from anywhere."""


def folders_of(config: Config, base: Path, home: str) -> tuple[Path, ...]:
    """`server.model_folders`, absolute and without links."""
    return tuple(Path(os.path.realpath(absolute(one, base, home))) for one in config.server.model_folders)


def check_managed(
    config: Config, entries: Set[Entry], engines: EngineCatalogue, base: Path, home: str
) -> Iterator[Found]:
    """Everything that is wrong with these entries, which are in `config` too unless they could not be read."""
    folders = folders_of(config, base, home)
    for section, name in sorted(entries):
        at: Place = (section, name)
        if section == "providers":
            provider = config.providers.get(name)
            if provider is not None and provider.base_url and (why := url_objection(provider.base_url)):
                yield Found((*at, "base_url"), why, "only the configuration file may name such an address")
        if section == "models" and (model := config.models.get(name)) is not None and model.engine is not None:
            yield from _local(at, model, model.engine, folders, engines)


def _local(
    at: Place, model: Model, engine: str, folders: tuple[Path, ...], engines: EngineCatalogue
) -> Iterator[Found]:
    if engine not in engines.names():
        return  # told by the check of every model
    needs = {name for need in engines.needs(engine) for name in need.split("|")}
    if needs & {"command", "unit"}:
        hint = "only the configuration file may say what is run; add it there"
        yield Found((*at, "engine"), f"a model of the engine {engine} cannot be added through an API", hint)
        return
    if "path" in needs and model.id is not None:
        hint = "give path: a folder or file below one of server.model_folders"
        yield Found((*at, "id"), f"{engine} would fetch it from a hub", hint)
    places = [("path", (*at, "path"), model.path)] if model.path is not None else []
    for name, value in model.options.items():
        if name in NEVER:
            yield Found((*at, "options", name), "cannot be set through an API", "add the model to the file")
        elif name in FILES:
            places.append((name, (*at, "options", name), str(value)))
    for name, place, value in places:
        yield from _inside(place, name, value, folders)


def _inside(at: Place, name: str, value: str, folders: tuple[Path, ...]) -> Iterator[Found]:
    if not folders:
        hint = "declare where models lie in the configuration file: server: {model_folders: [~/models]}"
        yield Found(at, "no folder of models is declared, so no local model can be added through an API", hint)
        return
    listed = name != "path" and "," in value  # llama.cpp takes a list of such files
    found = Path(os.path.realpath(value))
    if not Path(value).is_absolute() or listed or not any(found.is_relative_to(folder) for folder in folders):
        yield Found(at, "is not below a declared folder of models", f"{', '.join(map(str, folders))}; a full path")
