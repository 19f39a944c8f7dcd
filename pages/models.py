"""Models: what was promoted, which one reads, the way back, and each one's card."""

import streamlit as st

from core.errors import PneumoDeskError
from core.language import tr
from core.services.desk import Desk
from core.services.models.lookup import active_model
from core.ui.models.card_view import card_view
from core.ui.models.comparison_view import comparison_view
from core.ui.models.import_form import import_form
from core.ui.models.promote_form import promote_form
from core.ui.models.version_list import (
    active_view,
    all_versions,
    history_view,
    say_what_happened,
    version_actions,
    version_table,
)
from core.ui.opening import open_desk_or_stop
from core.ui.plain_text import plain


def show_versions(desk: Desk) -> None:
    """The versions, and the card of the one that is chosen by click or address; of the active one otherwise."""
    versions = all_versions(desk)
    if not versions:
        st.caption(tr("No promoted model yet: the bundled model is active."))
    clicked = version_table(desk, versions)
    if clicked:
        st.query_params["model"] = clicked
    model = st.query_params.get("model") or active_model(desk)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(tr("Card of {model}", model=plain(model)), width="content")
        st.space("stretch")
        version_actions(desk, model, versions)
    card_view(desk, model)


VIEWS = {
    "versions": (tr(":material/list: Versions"), show_versions),
    "promote": (tr(":material/publish: Promote"), promote_form),
    "compare": (tr(":material/compare_arrows: Compare"), comparison_view),
    "import": (tr(":material/upload: Import"), import_form),
    "history": (tr(":material/history: History"), history_view),
}

desk = open_desk_or_stop()
st.title(tr("Models"))
try:
    say_what_happened(desk)
    active_view(desk)
    for tab, (_, view) in zip(st.tabs([label for label, _ in VIEWS.values()]), VIEWS.values(), strict=True):
        with tab:
            try:
                view(desk)
            except PneumoDeskError as error:
                st.error(str(error), icon=":material/error:")
except PneumoDeskError as error:
    st.error(str(error), icon=":material/error:")
