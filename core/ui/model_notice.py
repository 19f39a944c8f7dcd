"""Which model reads, at which operating point, and what a result does not mean: shown wherever results are."""

import streamlit as st

from core.evaluation.operating_point import OperatingPoint
from core.model.card import ModelCard
from core.settings import NOTICE
from core.ui.plain_text import plain


def model_notice(card: ModelCard, chosen: OperatingPoint | None = None) -> None:
    """Show the model, its threshold and band, those of its card or of the chosen operating point, and the notice."""
    point = chosen or card.operating_point
    said = "no operating point was chosen: the threshold is 0.5"
    if point is not None:
        named = f"operating point {plain(point.name)}, " if chosen and chosen != card.operating_point else ""
        band = f"uncertain from {point.uncertain_low:.3f} to {point.uncertain_high:.3f}"
        said = f"{named}threshold {point.threshold:.3f}, {band}"
    st.caption(f":material/network_intelligence: **{card.name}** ({card.weights_hash[:12]}) · {said}. {NOTICE}")
