"""Notes are lines that people read."""

from glowplug.config.readers.foreign import Foreign, Note, Outcome
from glowplug.secret import Secret


def test_a_note_says_where_what_and_why() -> None:
    note = Note(Outcome.LEFT, "router_settings.redis_host", "a Redis server", "workers count together without one")
    assert str(note) == "router_settings.redis_host: a Redis server (workers count together without one)"
    assert str(Note(Outcome.TAKEN, "model_list[0]", "gpt-4o")) == "model_list[0]: gpt-4o"


def test_refusals_are_found_among_the_notes() -> None:
    bad = Note(Outcome.REFUSED, "model_list[1]", "the model cannot be read")
    read = Foreign("LiteLLM config.yaml", {}, notes=(Note(Outcome.TAKEN, "model_list[0]", "gpt-4o"), bad))
    assert read.refused() == (bad,)


def test_secrets_do_not_show() -> None:
    read = Foreign("x", {"providers": {"a": {"api_key": "secret:a"}}}, secrets={"a": Secret("sk-hidden")})
    assert "sk-hidden" not in repr(read)
