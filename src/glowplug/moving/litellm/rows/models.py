"""Models that were added in LiteLLM's page or API: `LiteLLM_ProxyModelTable`, whose parameters are encrypted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from glowplug.config.readers.foreign import Outcome, Value
from glowplug.moving.litellm.eras import Wanted
from glowplug.moving.litellm.values import GIVE_AGAIN, Reading, Refused, Row

WANTED = Wanted(
    "LiteLLM_ProxyModelTable",
    ("model_id",),
    ("model_id", "model_name", "litellm_params", "model_info", "blocked", "created_by"),
    ("created_at", "updated_at"),
)


@dataclass(frozen=True)
class ProxyModel:
    """One deployment: several of them may have one name."""

    id: str
    """Stands in the spend logs."""
    name: str
    """The name clients use; of a model of a team, the one its members use."""
    params: Mapping[str, Value] = field(repr=False)
    """`litellm_params` in clear, as in an entry of `model_list`.  It has the provider's key."""
    info: Mapping[str, Value] = field(default_factory=dict)
    """`model_info`."""
    team: str = ""
    """Only this team may use it."""
    blocked: bool = False
    created: float | None = None
    layers: int = 1
    """How often its values were encrypted: 0 for plain text, 1 is normal."""


def read_model(values: Mapping[str, object], reading: Reading) -> ProxyModel | Refused:
    """A model, or what about it cannot be read: one string that is no value refuses all of it, so that it is never
    served in part."""
    row = Row(WANTED.table, str(values.get("model_id")), values, reading)
    name = row.text("model_name")
    tree = row.opened("litellm_params")
    if tree.unreadable:
        parts = ", ".join(f"{one.path}: {one.trouble.value}" for one in tree.unreadable)
        row.note(Outcome.REFUSED, f"the model {name!r}", parts, GIVE_AGAIN)
        return Refused(row.where, name, tree.unreadable)
    if not tree.values.get("model"):
        row.note(Outcome.REFUSED, f"the model {name!r}", "it does not say which model of the provider it is")
        return Refused(row.where, name, ())
    row.note_layers(f"the model {name!r}", tree)
    info = row.metadata("model_info")
    public = info.get("team_public_model_name")
    return ProxyModel(
        row.text("model_id"),
        public if isinstance(public, str) and public else name,
        tree.values,
        info,
        str(info.get("team_id") or ""),
        row.flag("blocked"),
        row.moment("created_at"),
        tree.layers,
    )
