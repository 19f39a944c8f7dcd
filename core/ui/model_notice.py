"""Which model reads, at which operating point, and what a result does not mean: shown wherever results are."""

import streamlit as st

from core.model.card import ModelCard
from core.settings import NOTICE


def model_notice(card: ModelCard) -> None:
    """Show the model, its threshold and band, and the notice."""
    point = card.operating_point
    said = "no operating point was chosen: the threshold is 0.5"
    if point is not None:
        said = (
            f"threshold {point.threshold:.2f}, uncertain from {point.uncertain_low:.2f} to {point.uncertain_high:.2f}"
        )
    st.caption(f":material/network_intelligence: **{card.name}** ({card.weights_hash[:12]}) · {said}. {NOTICE}")
