"""Which model analyses the images that are added, and at which operating point."""

from dataclasses import dataclass

import streamlit as st

from core.language import tr
from core.services.desk import Desk
from core.services.models.lookup import active_model, list_models
from core.services.models.operating_points import OWN, choosable_points, named_point
from core.ui.model_notice import model_notice


@dataclass(frozen=True)
class ModelChoice:
    """A model and an operating point of it, as requests name them."""

    model: str
    operating_point: str


def model_choice(desk: Desk) -> ModelChoice:
    """Offer the models of this desk and, of the chosen one, the operating points; one of each is shown as it is."""
    models = {model.name: model for model in list_models(desk)}
    active = active_model(desk)
    model, point = active, OWN
    if len(models) > 1 or (active in models and choosable_points(desk, active)):
        with st.container(horizontal=True):
            model = st.selectbox(
                tr("Model"),
                list(models),
                index=list(models).index(active) if active in models else 0,
                format_func=lambda name: " · ".join(
                    dict.fromkeys((models[name].card.name, name, *((tr("active"),) if name == active else ())))
                ),
                # Another active model is the choice until somebody chooses again.
                key=f"triage.model.{active}",
                width=420,
            )
            point = st.selectbox(
                tr("Operating point"),
                [OWN, *choosable_points(desk, model)],
                format_func=lambda name: name or tr("The model's own"),
                # A point belongs to one model: what was chosen for another must not stay.
                key=f"triage.point.{model}",
                width=320,
                help=tr("Where an AI score becomes an AI result. More can be saved on the Experiments page."),
            )
    if model in models:
        model_notice(models[model].card, named_point(desk, model, point))
    return ModelChoice(model, point)
