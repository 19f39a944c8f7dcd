"""A run or an ensemble becomes a version: which one, at which operating point, under which name."""

from collections.abc import Callable

import streamlit as st
from pydantic import ValidationError

from core.errors import PneumoDeskError
from core.language import tr
from core.services.desk import Desk
from core.services.models.lookup import ENSEMBLE, IMPORTED, ModelSummary, list_models
from core.services.models.operating_points import OWN, choosable_points
from core.services.registry.promotion import PromoteRequest, promote
from core.ui.plain_text import plain
from core.ui.reader_name.component import current_reader


def promote_form(desk: Desk) -> None:
    """Ask for what is promoted and do it; on an empty desk say what is lacking."""
    sources = {model.name: model for model in list_models(desk) if model.name.startswith(("run:", ENSEMBLE, IMPORTED))}
    if not sources:
        st.caption(tr("No run has a finished model yet. Train one on the Training page; then promote it here."))
        return
    source = st.selectbox(
        tr("Run, ensemble or imported model"),
        list(sources),
        format_func=lambda name: f"{sources[name].card.name} · {name}",
        key="models.source",
        width=480,
    )
    points, own = _points(desk, sources[source]), sources[source].operating_point
    if not points:
        st.caption(tr("It has no operating point. Choose one for it on the Experiments page, then promote it."))
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        point = st.selectbox(
            tr("Operating point"),
            points,
            format_func=lambda name: name or tr("The model's own ({name})", name=own.name if own else "–"),
            key=f"models.point.{source}",
            width=320,
            help=tr("Chosen on this model's own validation or calibration images."),
        )
        name = st.text_input(
            tr("Name"), key="models.name", max_chars=60, width=240, placeholder=tr("Letters, digits, dots, dashes")
        )
    use = st.text_area(
        tr("Intended use"),
        key="models.intended_use",
        max_chars=2000,
        placeholder=tr("For which patients, ages and sites it is meant."),
        help=tr("Shown on its card as stated by you."),
    )
    limits = st.text_area(tr("Limits"), key="models.limits", max_chars=5000, placeholder=tr("One on each line."))
    notes = st.text_area(tr("Notes"), key="models.notes", max_chars=2000, placeholder=tr("Why this one."))
    st.caption(tr("The model is copied and never changed. It is not yet active."))
    if st.button(tr("Promote"), type="primary", icon=":material/publish:", key="models.promote"):
        _promote(
            desk,
            lambda: PromoteRequest(
                source=source,
                name=name.strip(),
                operating_point=point,
                notes=notes,
                intended_use=use,
                limits=tuple(filter(str.strip, limits.splitlines())),
            ),
        )


def _points(desk: Desk, model: ModelSummary) -> list[str]:
    return [*([OWN] if model.operating_point else []), *choosable_points(desk, model.name)]


def _promote(desk: Desk, request: Callable[[], PromoteRequest]) -> None:
    try:
        with st.spinner(tr("Copying and checking …")):
            made = promote(desk, request(), current_reader())
    except ValidationError:
        st.error(tr("At most 20 limits of at most 500 letters each stand on a card."), icon=":material/error:")
        return
    except PneumoDeskError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.toast(tr("{reference} stands.", reference=plain(made.reference)), icon=":material/publish:")
    st.query_params["model"] = made.reference
    st.rerun()
