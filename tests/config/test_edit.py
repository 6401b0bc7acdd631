"""Edits of a configuration file: comments stay, the rest stays as it is to the byte, nothing that is there changes."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from glowplug.config.edit import Did, Entry, put, put_all, remove, rename, same
from glowplug.config.readers.plain import read_plain
from glowplug.errors import ConfigError

FILE = """\
# My machines.
server: {port: 4100}   # not the usual one

providers:
    groq: {}           # the key is in the environment
    # openai comes later

models:

    # the small one
    chat-small-llamacpp:
        engine: llamacpp
        path: /models/small.gguf      # 4 GiB
        args: [-ngl, 99]
    "chat-groq":
        provider: groq
        id: 'llama-3.3-70b'
    # chat-old: {provider: groq, id: x}

aliases:
    chat-default:
        targets: [chat-small-llamacpp, chat-groq]   # in this order
        policy: weight
        weights: {chat-small-llamacpp: 3, "chat-groq": 1}
        on_context:
            - 'chat-groq'
    other: {targets: chat-small-llamacpp, fallback: [chat-default]}
groups:
    gpu: {members: [chat-small-llamacpp]}
defaults:
    fallback: ["chat-groq"]
"""


def values(text: str) -> dict[str, object]:
    return dict(read_plain(text, "test").values)


def test_an_entry_is_put_behind_those_there_are_in_the_style_of_the_file() -> None:
    edited = put(FILE, "models", "chat-new", {"provider": "groq", "id": "q"}, "LiteLLM config.yaml")
    assert edited.did is Did.ADDED
    assert edited.places == ("models.chat-new",)
    new = "    chat-new:  # LiteLLM config.yaml\n      provider: groq\n      id: q\n"
    before = "    # chat-old: {provider: groq, id: x}\n"
    assert edited.text == FILE.replace(before, before + new)


def test_a_section_that_is_not_there_is_begun_at_the_end() -> None:
    edited = put(FILE, "engines", "ollama", {"options": {"num_parallel": 2}})
    end = "\nengines:  # added by Glowplug\n    ollama:\n      options:\n        num_parallel: 2\n"
    assert edited.text == FILE + end
    assert remove(edited.text, "engines", "ollama").text == FILE


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("", "models:  # added by Glowplug\n  m: 1  # c\n"),
        ("models:\n", "models:\n  m: 1  # c\n"),
        ("models:   # mine\nserver:\n  port: 1\n", "models:   # mine\n  m: 1  # c\nserver:\n  port: 1\n"),
        ("models:\n  a: 1", "models:\n  a: 1\n  m: 1  # c"),
        ("models:\r\n- a\r\n".replace("- a", "  a: 1"), "models:\r\n  a: 1\r\n  m: 1  # c\r\n"),
        ("models: {a: 1}  # x\n", "models: {a: 1, m: 1}  # x\n"),
        ("---\nmodels:\n  a: |\n    text\n\n# end\n", "---\nmodels:\n  a: |\n    text\n\n  m: 1  # c\n# end\n"),
        ("models:\n a:\n# no value\n", "models:\n a:\n m: 1  # c\n# no value\n"),
        ("\ufeff", "\ufeffmodels:  # added by Glowplug\n  m: 1  # c\n"),
    ],
)
def test_styles_of_a_file(text: str, result: str) -> None:
    edited = put(text, "models", "m", 1, "c")
    assert edited.text == result
    assert remove(edited.text, "models", "m").text == text


@pytest.mark.parametrize(
    ("text", "result", "without"),
    [
        ("models: {\n  a: 1,\n}\n", "models: {\n  a: 1,\nm: 1}\n", "models: {\n  a: 1}\n"),
        ("{models: {}}\n", "{models: {m: 1}}\n", "{models: {}}\n"),
        ("{server: {port: 1}}\n", "{server: {port: 1}, models: {m: 1}}\n", "{server: {port: 1}, models: {}}\n"),
    ],
)
def test_braces_stay_braces(text: str, result: str, without: str) -> None:
    edited = put(text, "models", "m", 1, "c")
    assert edited.text == result
    assert remove(edited.text, "models", "m").text == without


def test_an_empty_section_in_braces_is_opened() -> None:
    edited = put("models: {}   # none yet\nserver: {}\n", "models", "m", {"id": "x"})
    assert edited.text == "models:    # none yet\n  m:\n    id: x\nserver: {}\n"
    assert remove(edited.text, "models", "m").text == "models:    # none yet\nserver: {}\n"


def test_what_is_there_is_never_changed() -> None:
    alike = put(FILE, "models", "chat-groq", {"id": "llama-3.3-70b", "provider": "groq"}, "again")
    assert (alike.text, alike.did) == (FILE, Did.SAME)
    other = put(FILE, "models", "chat-groq", {"id": "llama-4", "provider": "groq"})
    assert (other.text, other.did) == (FILE, Did.CONFLICT)
    assert other.why == "models.chat-groq is there and says something else"


def test_many_entries_are_put_at_once() -> None:
    wanted = [
        Entry("models", "a", {"provider": "groq", "id": "1"}, "from there"),
        Entry("aliases", "b", {"targets": ["a"]}),
        Entry("models", "a", {"provider": "groq", "id": "2"}),
        Entry("models", "c", {"provider": "groq", "id": "3"}),
        Entry("telemetry", "otlp", "http://127.0.0.1:4318"),
    ]
    text, did = put_all(FILE, wanted)
    assert did == (Did.ADDED, Did.ADDED, Did.CONFLICT, Did.ADDED, Did.ADDED)
    again, did = put_all(text, wanted)
    assert again == text
    assert did == (Did.SAME, Did.SAME, Did.CONFLICT, Did.SAME, Did.SAME)
    back = text
    for section, name in (("telemetry", "otlp"), ("models", "a"), ("aliases", "b"), ("models", "c")):
        back = remove(back, section, name).text
    assert back == FILE


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_new_section_goes_behind_what_is_put_into_the_last_one(end: str) -> None:
    wanted = [Entry("providers", "p", {}), Entry("models", "b", 2), Entry("aliases", "c", 3)]
    text, did = put_all(f"models:\n  a: 1{end}", wanted)
    assert set(did) == {Did.ADDED}
    assert values(text) == {"models": {"a": 1, "b": 2}, "providers": {"p": {}}, "aliases": {"c": 3}}
    assert text.index("b: 2") < text.index("providers:") < text.index("aliases:")


def test_removing_takes_the_lines_of_the_entry_only() -> None:
    edited = remove(FILE, "models", "chat-small-llamacpp")
    assert edited.did is Did.REMOVED
    lines = FILE.splitlines(keepends=True)
    at = lines.index("    chat-small-llamacpp:\n")
    assert edited.text == "".join(lines[:at] + lines[at + 4 :])
    assert remove(FILE, "models", "nobody").did is Did.ABSENT
    assert remove(FILE, "server", "port").text == FILE.replace("{port: 4100}", "{}")


@pytest.mark.parametrize(("name", "left"), [("a", "{b: 2, c: 3}"), ("b", "{a: 1, c: 3}"), ("c", "{a: 1, b: 2}")])
def test_removing_from_braces(name: str, left: str) -> None:
    assert remove("models: {a: 1, b: 2, c: 3}\n", "models", name).text == f"models: {left}\n"


def test_a_model_is_renamed_wherever_it_is_named() -> None:
    edited = rename(FILE, "chat-groq", "chat-llama-groq")
    assert edited.did is Did.RENAMED
    assert edited.text == FILE.replace("chat-groq", "chat-llama-groq")
    assert edited.places == (
        "models.chat-groq",
        "aliases.chat-default.targets",
        "aliases.chat-default.on_context",
        "aliases.chat-default.weights.chat-groq",
        "defaults.fallback",
    )
    small = rename(FILE, "chat-small-llamacpp", "x:1")
    assert values(small.text) == values(FILE.replace("chat-small-llamacpp", '"x:1"'))
    assert rename(small.text, "x:1", "chat-small-llamacpp").text == FILE.replace(
        "chat-small-llamacpp:", '"chat-small-llamacpp":', 0
    ).replace("chat-small-llamacpp", '"chat-small-llamacpp"')


def test_an_alias_is_renamed_too() -> None:
    edited = rename(FILE, "chat-default", "chat")
    assert edited.text == FILE.replace("chat-default", "chat")


def test_only_names_are_renamed() -> None:
    text = "models:\n  groq: {provider: groq, id: groq}\nproviders:\n  groq: {}  # groq\n"
    expected = "models:\n  fast: {provider: groq, id: groq}\nproviders:\n  groq: {}  # groq\n"
    assert rename(text, "groq", "fast").text == expected


def test_renaming_through_references() -> None:
    text = "models:\n  m: &m {id: m}\naliases:\n  a: &a\n    targets: &t [m]\n  b:\n    <<: *a\n    fallback: *t\n"
    assert rename(text, "m", "n").text == text.replace("  m: &m {", "  n: &m {").replace("[m]", "[n]")


def test_a_name_that_is_taken_or_not_there() -> None:
    assert rename(FILE, "chat-groq", "chat-default").did is Did.CONFLICT
    assert rename(FILE, "nobody", "somebody").did is Did.ABSENT


@pytest.mark.parametrize(
    "text",
    [
        "models: &m\n  a: 1\naliases: *m\n",
        "base: &m {a: 1}\naliases:\n  <<: *m\n  b: 1\n",
        "models:\n- a\n",
        "aliases: text\n",
        "models: {}\n...\n",
        "a: 1\na: 2\n",
        "a: [1\n",
        "- a\n",
    ],
)
def test_what_cannot_be_edited_is_an_error_or_right(text: str) -> None:
    """Whatever the style, the result says what was wanted, or there is none."""
    for section in ("models", "aliases"):
        try:
            before = values(text)
            edited = put(text, section, "new", {"x": 1})
        except ConfigError as error:
            assert error.message
            continue
        wanted = {**before, section: {**(before.get(section) or {}), "new": {"x": 1}}}  # type: ignore[dict-item]
        assert values(edited.text) == wanted


def test_an_entry_that_comes_from_a_reference_is_not_removed() -> None:
    text = "models:\n  one: &m {id: a}\naliases:\n  <<: {two: 1}\n  three: 1\n"
    with pytest.raises(ConfigError, match="comes from a reference"):
        remove(text, "aliases", "two")
    with pytest.raises(ConfigError, match="was not changed"):
        remove("models:\n  one: &m {id: a}\n  two: *m\n", "models", "one")


def test_values_are_the_same_when_they_mean_the_same() -> None:
    assert same({"a": 1, "b": [1.0, "x"]}, {"b": [1, "x"], "a": 1.0})
    assert not same({"a": 1}, {"a": True})
    assert not same([1, 2], [2, 1])
    assert not same({"a": 1}, {"a": 1, "b": 2})


# ---- any file

names = st.from_regex(r"[a-z][a-z0-9.:/@-]{0,9}", fullmatch=True)
scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.none(),
    st.sampled_from(
        ["yes", "~", "1e3", "# no comment", "a: b", "${X:-y}", " spaces ", "zwölf\tund\n", "- x", "*y", ""]
    ),
)
inner = st.recursive(
    scalars,
    lambda deeper: st.one_of(st.lists(deeper, max_size=3), st.dictionaries(names, deeper, max_size=3)),
    max_leaves=6,
)


@st.composite
def files(draw: st.DrawFn) -> str:
    """A file of sections in either style, with comments and empty lines wherever they may be."""
    end = draw(st.sampled_from(["\n", "\r\n"]))
    step = draw(st.integers(1, 4))
    lines: list[str] = draw(st.sampled_from([[], ["# head", ""], ["---"]]))
    lines = list(lines)
    for section in draw(st.lists(st.sampled_from(["models", "aliases", "groups", "x"]), unique=True)):
        entries = draw(st.lists(names, unique=True, max_size=3))
        if draw(st.booleans()) and entries:
            lines.append(f"{section}: {{{', '.join(f'{chr(34)}{name}{chr(34)}: [a]' for name in entries)}}}  # flow")
            continue
        lines.append(f"{section}:" + draw(st.sampled_from(["", "  # behind", " &anchor" if entries else ""])))
        for name in entries:
            lines += draw(st.sampled_from([[], [""], [" " * step + "# above"], ["# at the edge"]]))
            lines += [
                " " * step + line
                for line in draw(
                    st.sampled_from(
                        [
                            [f'"{name}": 1'],
                            [f'"{name}":', "  a: b", "  c: [d,", "     e]  # in"],
                            [f'"{name}": |', "   # text", "", "   more", ""],
                            [f"'{name}':"],
                            [f"'{name}':  # c", "- 1", "-   b: 2", "    c: 'x # y'"],
                        ]
                    )
                )
            ]
        lines += draw(st.sampled_from([[], [""], [" " * step + "# below"], ["# edge"]]))
    text = end.join(lines)
    return text + draw(st.sampled_from(["", end, end + end])) if lines else ""


@given(files(), st.sampled_from(["models", "aliases", "new"]), names, inner)
def test_putting_and_removing_is_nothing(text: str, section: str, name: str, value: object) -> None:
    before = values(text)
    assume(name not in (before.get(section) or {}))  # type: ignore[operator]
    edited = put(text, section, name, value, "origin # here")  # type: ignore[arg-type]
    assert edited.did is Did.ADDED
    assert values(edited.text) == {**before, section: {**(before.get(section) or {}), name: value}}  # type: ignore[dict-item]
    assert put(edited.text, section, name, value).did is Did.SAME  # type: ignore[arg-type]
    assert remove(edited.text, section, name).text == text


@given(files(), st.data())
def test_removing_leaves_every_comment_outside(text: str, data: st.DataObject) -> None:
    before = values(text)
    there = [(s, n) for s, entries in before.items() if isinstance(entries, dict) for n in entries]
    assume(there)
    section, name = data.draw(st.sampled_from(there))
    edited = remove(text, section, name)
    left = {key: value for key, value in before[section].items() if key != name}  # type: ignore[attr-defined]
    after = values(edited.text)
    assert (after.pop(section) or {}) == left
    assert after == {key: value for key, value in before.items() if key != section}
    for comment in ("# head", "# above", "# at the edge", "# below", "# edge", "# behind"):
        assert edited.text.count(comment) == text.count(comment)


@given(files(), st.data())
def test_renaming_there_and_back_says_the_same(text: str, data: st.DataObject) -> None:
    before = values(text)
    there = [n for s in ("models", "aliases") for n in before.get(s) or {}]  # type: ignore[attr-defined]
    assume(there)
    old = data.draw(st.sampled_from(there))
    edited = rename(text, old, "zz-new")
    assert edited.did is Did.RENAMED
    assert len(edited.text.splitlines()) == len(text.splitlines())
    assert values(rename(edited.text, "zz-new", old).text) == before
