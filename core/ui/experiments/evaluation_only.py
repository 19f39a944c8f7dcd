"""Evaluation-only images are opened by a button, which says how often they were accessed."""

from collections.abc import Sequence

import streamlit as st

from core.language import tr
from core.services.desk import Desk
from core.services.evaluation.stored_results import openings_so_far


def is_opening_asked(
    desk: Desk, checkpoint_hashes: Sequence[str], split: str, *, label: str, key: str, caption: str = "", hint: str = ""
) -> bool:
    """Show that a split's images are evaluation-only, and return whether the button to open them was pressed."""
    count = openings_so_far(desk, checkpoint_hashes, split)
    with st.container(border=True):
        st.markdown(
            tr(
                "**The {split} images are evaluation-only.** They have been accessed {count:,} times on this desk.",
                split=split,
                count=count,
            )
        )
        if caption:
            st.caption(caption)
        return st.button(label, icon=":material/lock_open:", key=key, help=hint or None)
