"""What is said of a handler is found again, and only there."""

from __future__ import annotations

from glowplug.control.contracts import DRY_RUN, UNPUBLISHED, Done, contract, contract_of, promised


def test_a_contract_is_found_on_its_handler() -> None:
    @contract(Done, query=(DRY_RUN,), status=201)
    def handler() -> None: ...

    said = contract_of(handler)
    assert said is not None
    assert (said.answers, said.query, said.status, said.published) == ((Done,), (DRY_RUN,), 201, True)


def test_one_that_is_there_already_is_said_too() -> None:
    assert contract_of(promised(UNPUBLISHED)(lambda: None)) is UNPUBLISHED
    assert contract_of(lambda: None) is None
