"""Everything the command line says goes through here.

Rules of terminal speech
 1. stdout carries what was asked for and nothing else; progress, hints, empty states and errors go to stderr.
 2. With `--json` stdout carries exactly one JSON document: the answer, or `{"error": {…}}`.  (Wrong usage, exit code 2,
    is found before anything is known about the output and is said on stderr only.)
 3. An error is `glowplug: what happened` and, when something can be done, `  hint: what to do`.  No traceback, no code.
 4. A list that is empty says what would fill it.
 5. Colours and moving lines only on a terminal; colours never with NO_COLOR set or TERM=dumb.
 6. A table fits the terminal; into a pipe it is written whole.
 7. Text from elsewhere (names, logs, answers of models) cannot move the cursor: control characters are taken out
    before it reaches a terminal.
 8. Silence is success only where there is nothing to say; a change says in one line what was changed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from glowplug.errors import ConfigError, EngineFailed, Forbidden, GlowplugError, Problem, Unauthenticated

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_NOT_RUNNING = 3
EXIT_NOT_ALLOWED = 4
EXIT_CONFIG = 78
"""EX_CONFIG of sysexits.h, as the supervisor's: a service manager need not try again."""
EXIT_INTERRUPTED = 130
EXIT_PIPE = 141

NOT_RUNNING = "not_running"
"""Code of the `Unavailable` that says that no server answers there."""

_STYLES = {"red": "31", "green": "32", "yellow": "33", "cyan": "36", "dim": "2", "bold": "1"}
_CONTROL = {code: None for code in (*range(32), *range(127, 160)) if code not in (9, 10)}
_SMALLEST = 6
_GAP = "  "


def exit_code(error: GlowplugError) -> int:
    """The exit code that belongs to an error."""
    if isinstance(error, (Unauthenticated, Forbidden)):
        return EXIT_NOT_ALLOWED
    return EXIT_NOT_RUNNING if error.code == NOT_RUNNING else EXIT_FAILED


def printable(text: str) -> str:
    """The text without control characters (but line breaks and tabs), safe to write to a terminal."""
    return text.translate(_CONTROL)


def one_line(text: str) -> str:
    """The same, on one line."""
    return " ".join(printable(text).split())


class Column:
    """One column of a table."""

    __slots__ = ("paint", "right", "title")

    def __init__(self, title: str, *, right: bool = False, paint: Callable[[str], str] | None = None) -> None:
        self.title = title
        self.right = right
        self.paint = paint
        """Names the style of a cell by its text (`red`, `dim`, … or empty for none)."""


def text_width(text: str) -> int:
    """How many cells a terminal uses for the text."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def cut(text: str, width: int) -> str:
    """The text in at most `width` cells, with `…` at the end when something was cut."""
    if text_width(text) <= width:
        return text
    kept = text
    while kept and text_width(kept) > width - 1:
        kept = kept[:-1]
    return kept + "…" if width > 0 else ""


def fit(widths: Sequence[int], room: int | None) -> list[int]:
    """Column widths that fit into `room` cells: the widest give way first, none below six.  None: as wide as wanted."""
    fitted = list(widths)
    if room is None:
        return fitted
    spare = room - len(_GAP) * (len(fitted) - 1)
    while sum(fitted) > spare:
        widest = max(range(len(fitted)), key=fitted.__getitem__)
        if fitted[widest] <= _SMALLEST:
            break
        fitted[widest] -= 1
    return fitted


class Output:
    """One output layer with two modes: for people, and JSON.

    `width` is the room of a table in cells or None for any; `lively` says that stderr is a terminal that can show
    progress.
    """

    def __init__(
        self,
        *,
        as_json: bool,
        stdout: TextIO,
        stderr: TextIO,
        color: bool = False,
        width: int | None = None,
        lively: bool = False,
    ) -> None:
        self.as_json = as_json
        self.stdout = stdout
        self.stderr = stderr
        self.color = color
        self.width = width
        self.lively = lively
        self._shown = False

    @property
    def terminal(self) -> bool:
        """People look at stdout directly."""
        return self.width is not None

    def style(self, text: str, name: str) -> str:
        """The text in a colour, where colours are wanted."""
        return f"\x1b[{_STYLES[name]}m{text}\x1b[0m" if self.color and name else text

    def document(self, value: Any) -> None:
        """Write one JSON document.  A verb calls this once, in JSON mode only."""
        import json

        self.clear()
        print(json.dumps(value, indent=2, ensure_ascii=False), file=self.stdout)

    def line(self, text: str) -> None:
        """Write one line of what was asked for."""
        self.clear()
        print(text, file=self.stdout)

    def write(self, text: str) -> None:
        """Write a piece of running text at once; what a terminal must not see is taken out."""
        self.clear()
        self.stdout.write(printable(text) if self.terminal else text)
        self.stdout.flush()

    def thought(self, text: str) -> None:
        """Write a piece of a model's reasoning, set apart by its colour; only a terminal sees it."""
        self.clear()
        self.stdout.write(self.style(printable(text), "dim"))
        self.stdout.flush()

    def interrupted(self) -> None:
        """Leave the line that the terminal wrote `^C` on."""
        self.clear()
        if self.lively:
            print(file=self.stderr)

    def note(self, text: str) -> None:
        """Say something beside the answer: a hint, an empty state, a statistic."""
        if not self.as_json:
            self.clear()
            print(self.style(text, "dim"), file=self.stderr)

    def progress(self, text: str) -> None:
        """Show how far something is; the next progress line or any other output replaces it."""
        if self.lively and not self.as_json:
            self.stderr.write("\r\x1b[K" + cut(one_line(text), (self.width or 80) - 1))
            self.stderr.flush()
            self._shown = True

    def clear(self) -> None:
        """Take the progress line away."""
        if self._shown:
            self._shown = False
            self.stderr.write("\r\x1b[K")
            self.stderr.flush()

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[str]], *, totals: bool = False) -> None:
        """Write a table; with `totals` the last row is set off by a rule."""
        cells = [[one_line(cell) or "-" for cell in row] for row in rows]
        titles = [column.title for column in columns]
        wanted = [max(text_width(row[at]) for row in [titles, *cells]) for at in range(len(columns))]
        widths = fit(wanted, self.width)
        self.line(self.style(self._row(columns, titles, widths, painted=False), "bold"))
        for at, row in enumerate(cells):
            if totals and at == len(cells) - 1:
                self.line(self.style(_GAP.join("─" * width for width in widths), "dim"))
            self.line(self._row(columns, row, widths, painted=True))

    def _row(self, columns: Sequence[Column], row: Sequence[str], widths: Sequence[int], *, painted: bool) -> str:
        parts = []
        for column, cell, width in zip(columns, row, widths, strict=True):
            short = cut(cell, width)
            fill = " " * (width - text_width(short))
            if painted and column.paint is not None:
                short = self.style(short, column.paint(cell))
            parts.append(fill + short if column.right else short + fill)
        return _GAP.join(parts).rstrip()

    def error(self, error: GlowplugError) -> None:
        """Say what happened and what to do."""
        self.clear()
        if self.as_json:
            self.document({"error": describe(error)})
        listed = isinstance(error, ConfigError) and len(error.problems) > 1
        message = error.message.partition("; the first: ")[0] if listed else error.message
        print(f"{self.style('glowplug:', 'red')} {printable(message)}", file=self.stderr)
        if isinstance(error, ConfigError):
            said = len(error.problems) == 1 and str(error.problems[0]) in error.message
            for problem in () if said else error.problems:
                print(f"  {one_line(str(problem))}", file=self.stderr)
        if isinstance(error, EngineFailed) and error.log_tail:
            print("  its last words:", file=self.stderr)
            for line in error.log_tail[-10:]:
                print(f"    {one_line(line)}", file=self.stderr)
        if error.hint:
            print(f"  hint: {one_line(error.hint)}", file=self.stderr)


def describe(error: GlowplugError) -> dict[str, Any]:
    """An error as the member of a JSON document."""
    shown: dict[str, Any] = {"message": error.message, "code": error.code}
    if error.hint:
        shown["hint"] = error.hint
    if isinstance(error, ConfigError):
        shown["problems"] = problem_rows(error.problems)
    if isinstance(error, EngineFailed):
        shown["log_tail"] = list(error.log_tail)
    return shown


def problem_rows(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """What is wrong with a configuration, one object each."""
    return [
        {"path": found.path, "line": found.line, "message": found.message, "hint": found.hint}
        | ({"file": found.file} if found.file else {})
        for found in problems
    ]


def from_environment(*, as_json: bool) -> Output:
    """The output of this process, as its terminal (or pipe) and its environment want it."""
    stdout, stderr = sys.stdout, sys.stderr
    terminal = stdout.isatty()
    dumb = os.environ.get("TERM") == "dumb"
    return Output(
        as_json=as_json,
        stdout=stdout,
        stderr=stderr,
        color=terminal and stderr.isatty() and not os.environ.get("NO_COLOR") and not dumb,
        width=_terminal_width() if terminal else None,
        lively=stderr.isatty() and not dumb,
    )


def _terminal_width() -> int:
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    except (OSError, ValueError):
        return 80
