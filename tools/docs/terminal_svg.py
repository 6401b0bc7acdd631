"""A picture of a terminal session, drawn from its plain text: `docs/img/session.txt` → `docs/img/session.svg`.

A transcript is text as it stood in the terminal.  A line that begins with `$ ` is what was typed, one that begins with
`# ` is a remark, everything else is what the programs said.  The picture follows the reader's light or dark scheme.
"""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

SOURCE = "docs/img/session.txt"
TARGET = "docs/img/session.svg"

CELL = 8.4
"""Width of a character in pixels at a font size of 14; `textLength` holds every font to it."""
LINE = 20
MARGIN = 20
BAR = 36
COLUMNS = 80
"""The narrowest picture, in characters."""

_STYLE = """\
    .page { fill: #fbfaf7; stroke: #d8d4cb; } .dot { fill: #d8d4cb; }
    text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre; }
    .typed { fill: #14130f; font-weight: 600; } .said { fill: #4a473f; } .remark { fill: #8a6d1f; }
    .prompt { fill: #c2410c; font-weight: 600; }
    @media (prefers-color-scheme: dark) {
      .page { fill: #16181d; stroke: #343841; } .dot { fill: #343841; }
      .typed { fill: #f5f3ee; } .said { fill: #b9bcc4; } .remark { fill: #d9b95b; } .prompt { fill: #fb923c; }
    }"""


def _text(column: int, row: int, kind: str, words: str) -> str:
    x = MARGIN + column * CELL
    y = BAR + MARGIN + row * LINE
    return (
        f'  <text class="{kind}" x="{x:g}" y="{y}" textLength="{len(words) * CELL:.1f}" xml:space="preserve">'
        f"{escape(words)}</text>"
    )


def _row(row: int, line: str) -> list[str]:
    if line.startswith("$ "):
        return [_text(0, row, "prompt", "$"), _text(2, row, "typed", line[2:])]
    indent = len(line) - len(line.lstrip())
    kind = "remark" if line.startswith("# ") else "said"
    return [_text(indent, row, kind, line[indent:])]


def render(transcript: str) -> str:
    """The SVG document of a transcript.  Characters are taken to be one cell wide."""
    lines = [line.rstrip() for line in transcript.expandtabs(8).strip("\n").split("\n")]
    width = round(2 * MARGIN + CELL * max(COLUMNS, *map(len, lines)))
    height = BAR + MARGIN + LINE * len(lines)
    dots = "".join(f'<circle class="dot" cx="{x}" cy="{BAR // 2}" r="6"/>' for x in (22, 42, 62))
    rows = [drawn for row, line in enumerate(lines) if line for drawn in _row(row, line)]
    label = escape(" · ".join(line[2:] for line in lines if line.startswith("$ ")), {'"': "&quot;"})
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
            f'aria-label="A terminal session: {label}">',
            f"  <style>\n{_STYLE}\n  </style>",
            f'  <rect class="page" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="10"/>',
            f"  {dots}",
            *rows,
            "</svg>\n",
        )
    )


def pages(root: Path) -> dict[str, str]:
    """The picture for README.md."""
    return {TARGET: render((root / SOURCE).read_text())}
