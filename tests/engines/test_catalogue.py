from __future__ import annotations

from glowplug.engines.catalogue import Catalogue


def test_the_catalogue_answers_what_the_configuration_asks() -> None:
    catalogue = Catalogue()
    assert "llamacpp" in catalogue.names()
    assert catalogue.command("llamacpp") == ("llama-server",)
    assert catalogue.check_options("llamacpp", {"ctx_size": 4096}) == []


def test_a_problem_never_repeats_the_value() -> None:
    wrong, unknown = Catalogue().check_options("llamacpp", {"ctx_size": "sesame", "ctx_sise": 1})
    assert wrong.option == "ctx_size"
    assert wrong.message.startswith("must be a whole number")
    assert "sesame" not in wrong.message + wrong.hint
    assert (unknown.option, unknown.message) == ("ctx_sise", "is not an option of llamacpp")
    assert "ctx_size" in unknown.hint


def test_it_says_of_every_engine_what_a_model_of_it_needs_and_can() -> None:
    catalogue = Catalogue()
    for name in catalogue.names():
        assert catalogue.needs(name) and catalogue.capabilities(name)
    assert list(catalogue.needs("llamacpp")) == ["path"]
    assert not catalogue.hosted("llamacpp")


def test_a_daemon_is_told_with_every_request_what_its_model_is_loaded_with() -> None:
    catalogue = Catalogue()
    assert catalogue.request_options("ollama", {}) == {"num_ctx": 4096}
    assert catalogue.request_options("ollama", {"num_ctx": 8192, "num_batch": 9}) == {"num_ctx": 8192, "num_batch": 9}
    assert catalogue.request_options("llamacpp", {"ctx_size": 1}) == {}
