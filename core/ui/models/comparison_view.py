"""Models side by side on the Models page."""

import streamlit as st

from core.language import tr
from core.services.desk import Desk
from core.services.models.lookup import list_models
from core.services.registry.comparison import MOST_MODELS, compare_models
from core.ui.plain_text import plain
from core.ui.visits import is_first_look


def comparison_view(desk: Desk) -> None:
    """Let two or more models be chosen and show their figures, settings and paired tests."""
    names = [model.name for model in list_models(desk)]
    if len(names) < 2:
        st.caption(tr("There is only one model. Promote a run or an ensemble, then compare it here."))
        return
    chosen = st.multiselect(
        tr("Models"),
        names,
        key="models.compared",
        max_selections=MOST_MODELS,
        help=tr("The others are compared with the first."),
    )
    if len(chosen) < 2:
        st.caption(tr("Choose at least two."))
        return
    found = compare_models(desk, chosen, record=is_first_look("models", *chosen))
    for sentence in found.words:
        st.markdown(plain(sentence))
    if found.figures:
        st.dataframe(
            [{tr("Figure"): row["figure"], **{name: row[name] for name in found.models}} for row in found.figures],
            hide_index=True,
            key="models.figures",
            alt=tr("Figures with 95 % intervals"),
        )
        said = tr("In brackets 95 % intervals. Each at its own threshold, on the images its own run held back.")
        st.caption(" ".join((said, *found.notes)))
    if found.config_differences:
        rows = [
            {tr("Setting"): name, **dict(zip(found.models, map(str, values), strict=True))}
            for name, values in found.config_differences.items()
        ]
        st.dataframe(rows, hide_index=True, key="models.differences", alt=tr("Settings that differ"))
