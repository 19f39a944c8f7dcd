"""What one visit has shown already: a page that Streamlit runs again shows nothing new."""

import streamlit as st

SEEN = "desk.seen_figures"


def is_first_look(*shown: str) -> bool:
    """Return whether this visit shows these figures for the first time."""
    seen = st.session_state.setdefault(SEEN, set())
    is_first = shown not in seen
    seen.add(shown)
    return is_first
