"""Models that may take everything: as many requests at once, as long and as much as somebody asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.config.readers.values import as_dict
from glowplug.doctor.base import Check, Remedy
from glowplug.doctor.litellm_models import Theirs, theirs
from glowplug.doctor.models import OwnFile, own_file, some
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.domain.naming import TYPES, type_of
from glowplug.domain.naming import Facts as NameFacts

_TIMES: Final = ("timeout", "stream_timeout", "request_timeout")
_RATES: Final = ("rpm", "tpm", "max_parallel_requests")
_MOST_TOKENS: Final = ("max_tokens", "max_completion_tokens", "num_predict", "n_predict")
_TOKENS: Final = 4096
"""What a vision model may answer at most, where its configuration does not say."""


@dataclass(frozen=True)
class Loose:
    """A model without bounds."""

    subject: str
    lacks: tuple[str, ...]
    """Settings none of which it has."""
    endless: bool = False
    """It looks at pictures, and nothing says when it has said enough."""
    ours: str = ""
    """Its name in our configuration; empty for LiteLLM's."""


@dataclass(frozen=True)
class Facts:
    """The models without bounds, and our file."""

    loose: tuple[Loose, ...]
    own: OwnFile | None


class Unbounded(Check[Facts]):
    """A local model without bounds is taken by one client that asks too much, for everybody."""

    name = "models-unbounded"
    title = "Local models have bounds, and vision models end"
    group = Group.MODELS

    def gather(self, site: Site) -> Facts:
        there = theirs(site)
        ours, foreign = self._ours(site), self._foreign(there)
        some([*site.loaded.local_models, *there.models], "are no local models")
        return Facts((*ours, *foreign), own_file(site))

    def _ours(self, site: Site) -> list[Loose]:
        found = []
        config = site.loaded.config
        for model in site.loaded.local_models:
            said = config.models[model.name]
            bounded = any(value is not None for value in (said.rpm, said.tpm, said.max_concurrency))
            asked = {**model.options, **said.request_defaults}
            sees = _sees(model.name, model.path or model.id) or "mmproj" in model.options
            endless = sees and not any(name in asked for name in _MOST_TOKENS)
            if endless or not bounded:
                lacks = () if bounded else ("max_concurrency", "rpm", "tpm")
                found.append(Loose(f"model {model.name}", lacks, endless, model.name))
        return found

    def _foreign(self, there: Theirs) -> list[Loose]:
        document = there.document
        everywhere = {**as_dict(document.get("litellm_settings")), **as_dict(document.get("router_settings"))}
        timed = any(everywhere.get(name) for name in _TIMES)
        found = []
        for one in there.models:
            limited = {**one.info, **one.params}
            lacks: tuple[str, ...] = ()
            if one.local:
                lacks = () if timed or any(limited.get(name) for name in _TIMES) else ("timeout",)
                lacks += () if any(limited.get(name) for name in _RATES) else _RATES[:1] + _RATES[2:]
            sees = one.info.get("supports_vision") is True or (one.local and _sees(one.name, one.model))
            endless = sees and not any(limited.get(name) for name in (*_MOST_TOKENS, "max_output_tokens"))
            if lacks or endless:
                found.append(Loose(f"{one.where} ({one.name})", lacks, endless))
        return found

    def inspect(self, facts: Facts) -> Sequence[Finding]:
        return [
            Finding(
                check=self.name,
                severity=Severity.NOTE if one.ours and not one.endless else Severity.WARNING,
                subject=one.subject,
                summary=" and ".join(
                    [*([f"has no {', '.join(one.lacks)}"] if one.lacks else []),
                     *(["may answer a picture without end (no max_tokens)"] if one.endless else [])]
                ),
                consequence="One client can keep it busy for all others." if one.lacks
                else "One answer can go on until the context is full.",
                advice=self._advice(one),
            )
            for one in facts.loose
        ]  # fmt: skip

    def _advice(self, one: Loose) -> str:
        more = "request_defaults: {max_tokens: 4096}" if one.ours else "max_tokens under litellm_params"
        if not one.lacks:
            return f"Set {more}."
        bound = "max_concurrency, to what its engine works on at once" if one.ours else f"{' and '.join(one.lacks)}"
        return f"Set {bound}" + (f"; and {more}." if one.endless else ".")

    def remedy(self, facts: Facts) -> Remedy | None:
        endless = [one.ours for one in facts.loose if one.ours and one.endless]
        if not endless or facts.own is None:
            return None
        changes = [(("models", name, "request_defaults", "max_tokens"), _TOKENS) for name in endless]
        action = facts.own.with_fields(
            changes, f"let {', '.join(endless)} answer at most {_TOKENS} tokens unless asked"
        )
        risk = "Longer answers are cut off, unless the client asks for more."
        return None if action is None else Remedy(actions=[action], risk=risk)


def _sees(name: str, source: str) -> bool:
    """Whether a model looks at pictures, by its name."""
    kind = name.partition("-")[0]
    return kind == "vision" or (kind not in TYPES and type_of(NameFacts(source, "")) == "vision")
