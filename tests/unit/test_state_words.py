"""States are called the same on every page, on the command line and in the REST API."""

from core.ui.words import STATES, state_word
from db.states import State


def test_every_state_is_called_what_the_other_doors_call_it() -> None:
    """There is a word for each state, it is the stored one, and no two look alike; an unknown one is shown as it is."""
    assert {state: one.word for state, one in STATES.items()} == {state.value: state.value for state in State}
    assert len({one.icon for one in STATES.values()}) == len(State)
    assert state_word("paused").word == "paused"
