from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.config.layers import apply_environment, settable, variable_name
from glowplug.config.lines import Mapping, Node, Path, Scalar, read_tree
from glowplug.config.schema import Defaults, Limits, Server
from glowplug.config.schema_rules import Memory, Scheduling


def tree(text: str) -> Mapping:
    root, problems = read_tree(text.encode())
    assert problems == []
    return root


def at(root: Mapping, path: Path) -> Node | None:
    here: Node | None = root
    for step in path:
        assert isinstance(here, Mapping)
        here = here.entries[str(step)][1]
    return here


def names(cls: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(cls)}


def test_every_single_value_of_four_sections_can_be_set_and_no_list() -> None:
    paths = set(settable().values())
    assert {path[1] for path in paths if path[0] == "defaults"} == names(Defaults) - {"fallback"}
    assert {path[1] for path in paths if path[0] == "memory"} == names(Memory)
    assert {path[1] for path in paths if path[0] == "scheduling"} == names(Scheduling)
    assert {path[2] for path in paths if path[:2] == ("server", "limits")} == names(Limits)
    assert {path[1] for path in paths if path[0] == "server" and len(path) == 2} == names(Server) - {
        "hosts", "origins", "limits", "model_folders",
    }  # fmt: skip
    assert all(variable_name(path) == name for name, path in settable().items())
    assert variable_name(("server", "limits", "head_timeout")) == "GLOWPLUG_SERVER__LIMITS__HEAD_TIMEOUT"


@given(st.sets(st.sampled_from(sorted(settable())), min_size=1))
def test_what_is_set_stands_in_the_tree_and_says_where_it_comes_from(given: set[str]) -> None:
    root = tree("server:\n  port: 1\n  limits:\n    body: 1MiB\nmodels: {}\n")
    assert apply_environment(root, {**dict.fromkeys(given, "v"), "HOME": "/h", "GLOWPLUG_URL": "u"}) == []
    for name, path in settable().items():
        if name in given:
            found = at(root, path)
            assert isinstance(found, Scalar)
            assert (found.value, found.line, found.variable) == ("v", 0, name)
    if "GLOWPLUG_SERVER__PORT" not in given:
        kept = at(root, ("server", "port"))
        assert isinstance(kept, Scalar) and (kept.text, kept.line, kept.variable) == ("1", 2, "")


@pytest.mark.parametrize("text", ["", "server:\n", "server: {}\n", "server: ~\n", "server:\n  limits:\n"])
def test_missing_mappings_are_made_on_the_way(text: str) -> None:
    root = tree(text)
    assert apply_environment(root, {"GLOWPLUG_SERVER__LIMITS__BODY": "1MiB"}) == []
    found = at(root, ("server", "limits", "body"))
    assert isinstance(found, Scalar) and found.value == "1MiB"


@pytest.mark.parametrize("text", ["server: [1]\n", "server: 5\n", "server:\n  limits: none\n"])
def test_what_is_in_the_way_is_named_and_left(text: str) -> None:
    root, before = tree(text), tree(text)
    [problem] = apply_environment(root, {"GLOWPLUG_SERVER__LIMITS__BODY": "1MiB"})
    assert problem.path == "GLOWPLUG_SERVER__LIMITS__BODY"
    assert "the file has no mapping at server.limits" in problem.message
    assert root == before


def test_a_mapping_that_an_alias_shares_is_changed_in_one_place_only() -> None:
    root = tree("x-shared: &s {port: 1}\nserver: *s\n")
    assert apply_environment(root, {"GLOWPLUG_SERVER__PORT": "2"}) == []
    shared, own = at(root, ("x-shared", "port")), at(root, ("server", "port"))
    assert isinstance(shared, Scalar) and isinstance(own, Scalar)
    assert (shared.text, own.value) == ("1", "2")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("GLOWPLUG_SERVER__PROT", "did you mean GLOWPLUG_SERVER__PORT?"),
        ("GLOWPLUG_SERVER__HOSTS", "did you mean GLOWPLUG_SERVER__HOST?"),
        ("GLOWPLUG_DEFAULTS__ENTIRELY_ELSE", "these can be set: GLOWPLUG_"),
        ("GLOWPLUG_SERVER__", ""),
    ],
)
def test_a_variable_that_sets_nothing_is_refused(name: str, hint: str) -> None:
    root = tree("")
    [problem] = apply_environment(root, {name: "1"})
    assert (problem.path, problem.message) == (name, "this environment variable is no setting")
    assert hint in problem.hint
    assert root.entries == {}
