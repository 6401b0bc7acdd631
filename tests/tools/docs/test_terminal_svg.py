from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from tools.docs import terminal_svg

SVG = "{http://www.w3.org/2000/svg}"


def _texts(transcript: str) -> list[tuple[str, str, float, float]]:
    root = ElementTree.fromstring(terminal_svg.render(transcript))
    return [
        (element.attrib["class"], element.text or "", float(element.attrib["x"]), float(element.attrib["y"]))
        for element in root.iter(f"{SVG}text")
    ]


def test_what_was_typed_said_and_remarked_is_told_apart() -> None:
    rows = _texts('$ glowplug run "a & b"\n# a remark\nsaid <this>\n\n  indented\n')
    assert [(kind, text) for kind, text, _, _ in rows] == [
        ("prompt", "$"),
        ("typed", 'glowplug run "a & b"'),
        ("remark", "# a remark"),
        ("said", "said <this>"),
        ("said", "indented"),
    ]
    first, typed, remark, said, indented = ((x, y) for _, _, x, y in rows)
    assert first[1] == typed[1] < remark[1] < said[1]
    assert indented == (first[0] + 2 * terminal_svg.CELL, said[1] + 2 * terminal_svg.LINE)


def test_the_picture_is_wide_enough_for_the_longest_line() -> None:
    def width(text: str) -> int:
        return int(ElementTree.fromstring(terminal_svg.render(text)).attrib["viewBox"].split()[2])

    assert width("x") == width("x" * terminal_svg.COLUMNS)
    assert width("x" * 200) > 200 * terminal_svg.CELL


def test_it_reads_the_transcript_of_the_tree(tmp_path: Path) -> None:
    (tmp_path / "docs" / "img").mkdir(parents=True)
    (tmp_path / terminal_svg.SOURCE).write_text("$ make up\n")
    assert terminal_svg.pages(tmp_path) == {terminal_svg.TARGET: terminal_svg.render("$ make up")}
