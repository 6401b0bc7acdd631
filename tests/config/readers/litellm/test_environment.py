"""`os.environ/NAME` where LiteLLM looks for it, and only there."""

from glowplug.config.readers.litellm.environment import Environment, variable


def test_references_are_resolved_in_mappings_but_not_where_a_list_holds_them() -> None:
    env = Environment({"A": "1", "YES": "True"})
    given = {
        "a": "os.environ/A",
        "b": {"c": ["os.environ/A", {"d": "os.environ/A"}, ["os.environ/A"]]},
        "e": "os.environ/NOBODY",
        "f": "os.environ/YES",
        "g": "x os.environ/A",
    }  # fmt: skip
    assert env.resolved(given) == {
        "a": "1",
        "b": {"c": ["os.environ/A", {"d": "1"}, ["os.environ/A"]]},
        "e": None,
        "f": True,
        "g": "x os.environ/A",
    }


def test_variables_of_the_file_go_before_those_of_the_process() -> None:
    env = Environment({"A": "process", "B": "b"}, {"A": "file", "C": "os.environ/B", "D": "os.environ/NO", "E": 7})
    assert [env.get(name) for name in "ABCDE"] == ["file", "b", "b", None, "7"]
    assert [env.own(name) for name in "ABC"] == [True, False, True]
    assert [env.writable(name) for name in ("A", "B", "F", "a-b", "")] == [False, True, True, False, False]


def test_only_the_whole_value_is_a_reference() -> None:
    assert variable("os.environ/X") == "X"
    assert variable("os.environ") == variable(None) == variable(3) == ""
