from __future__ import annotations

import msgspec

from glowplug.domain.fit import FitChoice, FitView
from glowplug.domain.plan import PlanView, Verdict


def test_it_goes_over_the_wire() -> None:
    choice = FitChoice(name="ctx_size", help="context", minimum=0, value=8192)
    view = FitView(
        engine="llamacpp", plan=PlanView(model="a", verdict=Verdict.FITS, why=""), command=("serve",), choices=(choice,)
    )
    assert msgspec.json.decode(msgspec.json.encode(view), type=FitView) == view
