"""The versions there are, which one is active, and what can be done with the one that is chosen."""

from collections.abc import Callable, Sequence

import streamlit as st

from core.errors import PneumoDeskError
from core.language import tr
from core.services.desk import Desk
from core.services.models.lookup import STARTER, active_model, model_card
from core.services.registry.activation import (
    activate,
    archive_version,
    former_model,
    list_activations,
    restore_version,
    roll_back,
)
from core.services.registry.promotion import PromotedModel, list_versions
from core.ui.model_notice import model_notice
from core.ui.plain_text import plain
from core.ui.reader_name.component import current_reader
from core.ui.words import moment

ARCHIVED = "models.archived"
PROBLEM = "models.problem"


def active_view(desk: Desk) -> None:
    """Show the active model and the way back to the former one."""
    active, former = active_model(desk), former_model(desk)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(tr("Active: {active}", active=plain(active)), width="content")
        st.badge(tr("active"), icon=":material/check:", color="green")
        st.space("stretch")
        if former is not None:
            with st.popover(tr("Roll back"), icon=":material/undo:", key="models.rollback"):
                st.markdown(tr("**{model}** was active before and becomes active again.", model=plain(former)))
                st.caption(tr("Batches already started keep their model."))
                st.button(
                    tr("Roll back to {model}", model=former),
                    type="primary",
                    key="models.rollback_now",
                    on_click=_try,
                    args=(lambda: roll_back(desk, current_reader()),),
                )
    model_notice(model_card(desk, active))


def version_table(desk: Desk, versions: Sequence[PromotedModel]) -> str | None:
    """Show every version with the bundled model, and return the one that is clicked."""
    active = active_model(desk)
    box = model_card(desk, STARTER)
    rows = [
        {
            tr("Model"): version.reference,
            tr("Use"): _use(version, active),
            tr("Operating point"): version.operating_point.name,
            tr("Threshold"): version.operating_point.threshold,
            tr("Promoted from"): version.source,
            tr("By"): version.promoted_by,
            tr("When"): moment(version.created_at),
            tr("Notes"): version.notes,
        }
        for version in versions
    ]
    point = box.operating_point
    rows.append(
        {
            tr("Model"): STARTER,
            tr("Use"): tr("active") if active == STARTER else "",
            tr("Operating point"): point.name if point else None,
            tr("Threshold"): point.threshold if point else None,
            tr("Promoted from"): tr("the bundled model"),
            tr("When"): moment(box.created_at),
        }
    )
    state = st.dataframe(
        rows,
        hide_index=True,
        placeholder="–",
        on_select="rerun",
        selection_mode="single-row",
        key="models.versions",
        alt=tr("Model versions"),
        column_config={tr("Threshold"): st.column_config.NumberColumn(format="%.3f")},
    )
    chosen = state.selection.rows
    return [*(version.reference for version in versions), STARTER][chosen[0]] if chosen else None


def version_actions(desk: Desk, model: str, versions: Sequence[PromotedModel]) -> None:
    """Offer to make a version active, with confirmation, and to archive it or take it back."""
    version = next((one for one in versions if one.reference == model), None)
    active = active_model(desk)
    is_archived = version is not None and version.archived_at is not None
    if is_archived:
        st.button(
            tr("Unarchive"),
            icon=":material/unarchive:",
            key="models.restore",
            on_click=_try,
            args=(lambda: restore_version(desk, model, current_reader()),),
        )
    if model == active or is_archived or (version is None and model != STARTER):
        return
    with st.popover(tr("Set active"), icon=":material/check_circle:", key="models.activate"):
        st.markdown(
            tr("**{model}** then analyses images in triage, on the command line and at /predict.", model=plain(model))
        )
        st.caption(
            tr(
                "**{active}** is kept and can be rolled back to. The audit log records the change.",
                active=plain(active),
            )
        )
        st.button(
            tr("Make {model} active", model=model),
            type="primary",
            key="models.activate_now",
            on_click=_try,
            args=(lambda: activate(desk, model, current_reader()),),
        )
    if version is not None:
        st.button(
            tr("Archive"),
            icon=":material/archive:",
            key="models.archive",
            on_click=_archive,
            args=(desk, model),
            help=tr("Hides it from the lists; its files and results are kept."),
        )


def say_what_happened(desk: Desk) -> None:
    """Say what could not be done, and offer to undo an archiving."""
    if problem := st.session_state.pop(PROBLEM, None):
        st.error(problem, icon=":material/error:")
    if model := st.session_state.get(ARCHIVED):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(tr(":material/archive: **{model}** is archived.", model=plain(model)))
            st.button(tr("Undo"), icon=":material/undo:", key="models.undo", on_click=_undo, args=(desk,))


def history_view(desk: Desk) -> None:
    """Show which model was made active when, and by whom."""
    rows = [
        {tr("When"): moment(one.created_at), tr("Model"): one.model, tr("What"): one.kind, tr("By"): one.actor}
        for one in list_activations(desk)
    ]
    if not rows:
        st.caption(tr("The bundled model has always been active."))
        return
    st.dataframe(rows, hide_index=True, key="models.history", alt=tr("History of the active model"))


def all_versions(desk: Desk) -> list[PromotedModel]:
    """Return the versions to be listed; archived ones only if asked for."""
    with_archived = st.toggle(tr("Show archived"), key="models.with_archived")
    return list_versions(desk, with_archived=with_archived)


def _use(version: PromotedModel, active: str) -> str:
    if version.archived_at is not None:
        return tr("archived")
    return tr("active") if version.reference == active else ""


def _try(deed: Callable[[], object]) -> None:
    try:
        deed()
    except PneumoDeskError as error:
        st.session_state[PROBLEM] = str(error)


def _archive(desk: Desk, model: str) -> None:
    def deed() -> None:
        archive_version(desk, model, current_reader())
        st.session_state[ARCHIVED] = model

    _try(deed)


def _undo(desk: Desk) -> None:
    model = st.session_state.pop(ARCHIVED)
    _try(lambda: restore_version(desk, model, current_reader()))
