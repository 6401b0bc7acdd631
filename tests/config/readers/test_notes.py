from glowplug.config.readers.foreign import Outcome
from glowplug.config.readers.notes import Notes


def test_notes_keep_their_order_and_are_made_once() -> None:
    notes = Notes()
    notes.refused("b", "x", "why")
    notes.taken("a", "y")
    notes.refused("b", "x", "why")
    notes.left("c", "z", "why", "hint")
    notes.changed("d", "z", "why")
    found = [(note.outcome, note.where, note.hint) for note in notes.all()]
    assert found == [
        (Outcome.REFUSED, "b", ""), (Outcome.TAKEN, "a", ""), (Outcome.LEFT, "c", "hint"), (Outcome.CHANGED, "d", ""),
    ]  # fmt: skip
