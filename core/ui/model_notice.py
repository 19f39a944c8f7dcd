"""Which model is active, and from which AI score on there is which AI result: shown wherever results are."""

import streamlit as st

from core.evaluation.operating_point import OperatingPoint
from core.language import tr
from core.model.card import ModelCard
from core.result_words import operating_point_in_words
from core.ui.plain_text import plain


def model_notice(card: ModelCard, chosen: OperatingPoint | None = None) -> None:
    """Show the model and the ranges of its AI results, by its card or by the chosen operating point."""
    point = chosen or card.operating_point
    said = tr("no operating point: AI flagged ≥ 0.50")
    if point is not None:
        said = plain(operating_point_in_words(point.uncertain_low, point.uncertain_high))
        if chosen and chosen != card.operating_point:
            said = tr("operating point {name}", name=plain(point.name)) + f" · {said}"
    st.caption(f":material/network_intelligence: **{plain(card.name)}** ({card.weights_hash[:12]}) · {said}")
