"""Which model reads the films that are added, and at which operating point."""

from dataclasses import dataclass

import streamlit as st

from core.services.desk import Desk
from core.services.models import STARTER, list_models
from core.services.point_choice import OWN, choosable_points, named_point
from core.ui.model_notice import model_notice


@dataclass(frozen=True)
class ModelChoice:
    """A model and an operating point of it, as requests name them."""

    model: str
    operating_point: str


def model_choice(desk: Desk) -> ModelChoice:
    """Offer the models of this desk and, of the chosen one, the operating points; one of each is shown as it is."""
    models = {model.name: model for model in list_models(desk)}
    model, point = STARTER, OWN
    if len(models) > 1 or (STARTER in models and choosable_points(desk, STARTER)):
        with st.container(horizontal=True):
            model = st.selectbox(
                "Model",
                list(models),
                format_func=lambda name: f"{models[name].card.name} · {name}",
                key="triage.model",
                width=420,
            )
            point = st.selectbox(
                "Operating point",
                [OWN, *choosable_points(desk, model)],
                format_func=lambda name: name or "The model's own",
                # A point belongs to one model: what was chosen for another must not stay.
                key=f"triage.point.{model}",
                width=320,
                help="Where a probability becomes a finding. More can be kept on the Experiments page.",
            )
    if model in models:
        model_notice(models[model].card, named_point(desk, model, point))
    return ModelChoice(model, point)
