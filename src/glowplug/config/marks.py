"""Where every name and value of a YAML text begins and ends, for edits that touch nothing else.

Made from the parser's events, as `glowplug.config.lines` is; that module is asked first and bounds what is read here.
Positions are indices into the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Mark:
    """A value: a scalar, a list, a mapping, or `*name`, which is what `target` is."""

    start: int
    end: int
    """Behind its last character; of a list or mapping in block style behind that of its last item."""
    column: int
    text: str | None = None
    """What a scalar says."""
    style: str = ""
    """Of a scalar: `'`, `"`, `|`, `>`, or empty."""
    flow: bool = False
    """`{…}` or `[…]`."""
    items: list[Mark] | None = None
    entries: list[tuple[Mark, Mark]] | None = None
    target: Mark | None = None

    @property
    def empty(self) -> bool:
        """Nothing stands there: a name without a value."""
        return self.text == "" and not self.style and self.target is None

    def itself(self) -> Mark:
        return self.target or self

    def of(self, name: str) -> Mark | None:
        """The value of a name in a mapping; the mappings that `<<` brings are looked at too."""
        return next((value for key, value in self.all_entries() if key.text == name), None)

    def all_entries(self) -> Iterator[tuple[Mark, Mark]]:
        """Own entries, then those that `<<` brings."""
        own = self.itself().entries or []
        yield from ((key, value) for key, value in own if key.text != "<<")
        for key, value in own:
            if key.text == "<<":
                for source in [value] if value.itself().items is None else value.itself().items or []:
                    yield from source.all_entries()

    def scalars(self) -> Iterator[Mark]:
        """The one scalar, or those of a list."""
        here = self.itself()
        for item in [here] if here.items is None else here.items:
            if item.itself().text is not None:
                yield item.itself()


@dataclass(slots=True)
class _Open:
    mark: Mark
    children: list[Mark] = field(default_factory=list)


def read_marks(text: str) -> Mark | None:
    """The root of a text that `read_tree` has read; None when there is nothing in it."""
    from ruamel.yaml import YAML  # here: it costs a tenth of a second

    anchors: dict[str, Mark] = {}
    stack = [_Open(Mark(0, 0, 0))]
    for event in YAML(typ="safe", pure=True).parse(text):
        kind, start, end = type(event).__name__, event.start_mark, event.end_mark
        match kind:
            case "ScalarEvent":
                mark = Mark(start.index, end.index, start.column, text=event.value, style=event.style or "")
                stack[-1].children.append(mark)
            case "AliasEvent":
                mark = Mark(start.index, end.index, start.column, target=anchors[event.anchor])
                stack[-1].children.append(mark)
            case "SequenceStartEvent" | "MappingStartEvent":
                mark = Mark(start.index, end.index, start.column, flow=bool(event.flow_style))
                stack.append(_Open(mark))
            case "SequenceEndEvent" | "MappingEndEvent":
                opened = stack.pop()
                mark = opened.mark
                _close(mark, opened.children, kind == "MappingEndEvent", end.index)
                stack[-1].children.append(mark)
            case _:
                continue
        if kind not in ("AliasEvent", "SequenceEndEvent", "MappingEndEvent") and event.anchor is not None:
            anchors[event.anchor] = mark
    roots = stack[0].children
    return roots[0] if roots and not roots[0].empty else None


def _close(mark: Mark, children: list[Mark], mapping: bool, end: int) -> None:
    if mapping:
        mark.entries = list(zip(children[::2], children[1::2], strict=True))
    else:
        mark.items = children
    if mark.flow:
        mark.end = end
        return
    # The parser says where the next thing begins, comments in between included, and the same of a name without a value.
    mark.end = mark.start
    for number, child in enumerate(children):
        if not child.empty:
            mark.end = max(mark.end, child.end)
        if mapping and number % 2 == 0 and child.style not in ("|", ">"):
            mark.end = max(mark.end, child.end + 1)
