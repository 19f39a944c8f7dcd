"""Which model reads, at which operating point, and what a result does not mean: shown wherever results are."""

import streamlit as st

from core.evaluation.operating_point import OperatingPoint
from core.language import tr
from core.model.card import ModelCard
from core.settings import NOTICE
from core.ui.plain_text import plain


def model_notice(card: ModelCard, chosen: OperatingPoint | None = None) -> None:
    """Show the model, its threshold and band, those of its card or of the chosen operating point, and the notice."""
    point = chosen or card.operating_point
    said = tr("no operating point was chosen: the threshold is 0.5")
    if point is not None:
        named = (
            tr("operating point {name}, ", name=plain(point.name)) if chosen and chosen != card.operating_point else ""
        )
        band = tr(
            "uncertain from {uncertain_low:.3f} to {uncertain_high:.3f}",
            uncertain_low=point.uncertain_low,
            uncertain_high=point.uncertain_high,
        )
        said = tr("{named}threshold {threshold:.3f}, {band}", named=named, threshold=point.threshold, band=band)
    st.caption(f":material/network_intelligence: **{card.name}** ({card.weights_hash[:12]}) · {said}. {tr(NOTICE)}")
