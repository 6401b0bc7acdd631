from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.cli.output import (
    NOT_RUNNING,
    Column,
    Output,
    cut,
    exit_code,
    fit,
    from_environment,
    printable,
    text_width,
)
from glowplug.errors import (
    ConfigError,
    EngineFailed,
    Forbidden,
    GlowplugError,
    NotFound,
    Problem,
    Unauthenticated,
    Unavailable,
)


def output(*, as_json: bool = False, color: bool = False, width: int | None = None, lively: bool = False) -> Output:
    return Output(as_json=as_json, stdout=io.StringIO(), stderr=io.StringIO(), color=color, width=width, lively=lively)


def said(out: Output) -> tuple[str, str]:
    assert isinstance(out.stdout, io.StringIO)
    assert isinstance(out.stderr, io.StringIO)
    return out.stdout.getvalue(), out.stderr.getvalue()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (GlowplugError("x"), 1),
        (NotFound("x"), 1),
        (Unavailable("x"), 1),
        (Unavailable("x", code=NOT_RUNNING), 3),
        (Unauthenticated("x"), 4),
        (Forbidden("x"), 4),
    ],
)
def test_exit_codes(error: GlowplugError, code: int) -> None:
    assert exit_code(error) == code


@given(st.lists(st.integers(1, 60), min_size=1, max_size=9), st.integers(10, 200))
def test_a_table_fits_or_every_column_is_as_small_as_it_may_be(widths: list[int], room: int) -> None:
    fitted = fit(widths, room)
    assert all(0 < new <= old for new, old in zip(fitted, widths, strict=True))
    taken = sum(fitted) + 2 * (len(widths) - 1)
    assert taken <= room or max(fitted) <= 6
    assert fit(widths, None) == widths
    if sum(widths) + 2 * (len(widths) - 1) <= room:
        assert fitted == widths


@given(st.text(), st.integers(0, 20))
def test_cut_text_has_the_width_it_was_cut_to(text: str, width: int) -> None:
    short = cut(text, width)
    assert text_width(short) <= width
    assert short == text or width == 0 or short.endswith("…")


def test_wide_characters_take_two_cells() -> None:
    assert text_width("模型") == 4
    assert cut("模型模型", 5) == "模型…"


def test_nothing_from_elsewhere_moves_the_cursor() -> None:
    assert printable("a\x1b[2Jb\rc\x9bd\n\te") == "a[2Jbcd\n\te"
    out = output()
    out.table([Column("NAME")], [["evil\x1b]0;title\x07\nname"]])
    assert said(out)[0] == "NAME\nevil]0;title name\n"


def test_text_is_cleaned_for_a_terminal_and_left_alone_in_a_pipe() -> None:
    terminal, pipe = output(width=80), output()
    for out in (terminal, pipe):
        out.write("\x1b[31mred")
    assert said(terminal)[0] == "[31mred"
    assert said(pipe)[0] == "\x1b[31mred"


def test_a_table_is_cut_to_the_terminal_and_coloured_only_where_wanted() -> None:
    columns = [Column("NAME"), Column("STATE", paint=lambda text: "green" if text == "ready" else "")]
    rows = [["a-very-long-name-of-a-model", "ready"], ["b", "off"]]
    narrow = output(width=20)
    narrow.table(columns, rows)
    assert said(narrow)[0].splitlines() == ["NAME           STATE", "a-very-long-…  ready", "b              off"]
    painted = output(color=True)
    painted.table(columns, rows)
    assert "\x1b[32mready\x1b[0m" in said(painted)[0]
    assert "\x1b[32moff" not in said(painted)[0]


def test_progress_is_shown_on_a_terminal_only_and_leaves_no_trace() -> None:
    lively, quiet, machine = output(lively=True), output(), output(lively=True, as_json=True)
    for out in (lively, quiet, machine):
        out.progress("40%")
        out.clear()
    assert said(lively)[1] == "\r\x1b[K40%\r\x1b[K"
    assert said(quiet) == ("", "")
    assert said(machine) == ("", "")


def test_errors_say_what_happened_and_what_to_do() -> None:
    out = output()
    problems = (Problem("models.x", "unknown key 'pth'", line=3, hint="did you mean path?"), Problem("", "empty"))
    out.error(ConfigError("config.yaml has 2 mistakes", problems, hint="mend it"))
    assert said(out) == (
        "",
        "glowplug: config.yaml has 2 mistakes\n"
        "  line 3: models.x: unknown key 'pth' (did you mean path?)\n"
        "  empty\n"
        "  hint: mend it\n",
    )


def test_errors_are_one_document_too() -> None:
    import json

    out = output(as_json=True)
    out.error(EngineFailed("it crashed", log_tail=("a", "b")))
    assert json.loads(said(out)[0]) == {
        "error": {"message": "it crashed", "code": "engine_failed", "log_tail": ["a", "b"]}
    }
    assert said(out)[1].startswith("glowplug: it crashed\n")


def test_notes_are_not_for_machines() -> None:
    out = output(as_json=True)
    out.note("by the way")
    assert said(out) == ("", "")


@pytest.mark.parametrize(
    ("environment", "tty", "color", "lively"),
    [
        ({}, True, True, True),
        ({}, False, False, False),
        ({"NO_COLOR": "1"}, True, False, True),
        ({"TERM": "dumb"}, True, False, False),
    ],
)
def test_colours_and_progress_follow_the_terminal(
    environment: dict[str, str], tty: bool, color: bool, lively: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return tty

    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "66")
    monkeypatch.setattr("sys.stdout", Terminal())
    monkeypatch.setattr("sys.stderr", Terminal())
    out = from_environment(as_json=False)
    assert (out.color, out.lively, out.width) == (color, lively, 66 if tty else None)
