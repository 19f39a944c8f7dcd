"""One run: what people say of it, how it is evaluated, how it was made."""

from collections.abc import Callable

import streamlit as st

from core.errors import PneumoDeskError
from core.figures.run_curves import training_figure
from core.language import mark, tr
from core.services.desk import Desk
from core.services.experiments.annotations import archive, set_tags, star, write_note
from core.services.experiments.history import known_tags
from core.services.runs.record import RunRecord, get_record
from core.ui.experiments.evaluation_view import evaluation_view
from core.ui.experiments.operating_point_view import operating_point_view
from core.ui.plain_text import plain
from core.ui.words import state_word

SECTIONS = [
    mark("Evaluation"),
    mark("Operating points"),
    mark("Training curves"),
    mark("Config"),
    mark("Lineage"),
    mark("Log"),
]
CURVES = {
    mark("Loss"): {mark("training"): "train_loss", mark("validation"): "validation_loss"},
    "AUC": {"validation": "validation_auc"},
    mark("Accuracy at 0.5"): {"validation": "validation_accuracy"},
}


def run_view(desk: Desk, run_id: str, on_back: Callable[[], None]) -> None:
    """Show a run."""
    record = get_record(desk, run_id)
    _head(desk, record, on_back)
    if record.error:
        st.error(record.error, icon=":material/error:")
    if not record.epochs:
        st.caption(tr("No epoch of this run has ended, so there are no figures and no model."))
    section = st.segmented_control(
        tr("Section"),
        SECTIONS,
        default=mark("Evaluation") if record.splits else mark("Lineage"),
        format_func=tr,
        key=f"experiments.section.{record.id}",
        label_visibility="collapsed",
        required=True,
    )
    match section:
        case "Evaluation":
            evaluation_view(desk, record)
        case "Operating points":
            operating_point_view(desk, record)
        case "Training curves":
            _curves(record)
        case "Config":
            st.table({name.replace("_", " "): str(value) for name, value in record.config.items()}, border="horizontal")
        case "Lineage":
            _lineage(record)
        case _:
            _log(record)


def _head(desk: Desk, record: RunRecord, on_back: Callable[[], None]) -> None:
    word, icon, colour = state_word(record.state)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(f"{'★ ' if record.starred else ''}{plain(record.name)}", width="content")
        st.badge(word, icon=icon, color=colour)
        if record.imported:
            st.badge(tr("imported record"), color="blue", icon=":material/inventory_2:")
        if record.deleted or record.archived:
            st.badge(tr("deleted") if record.deleted else tr("archived"), color="gray", icon=":material/archive:")
        for tag in record.tags:
            st.badge(plain(tag), color="violet", icon=":material/sell:")
        st.space("stretch")
        st.button(
            tr("Take star away") if record.starred else tr("Star"),
            icon=":material/star:",
            key="experiments.run_star",
            type="tertiary",
            on_click=star,
            args=(desk, [record.id], not record.starred),
        )
        st.button(
            tr("Restore") if record.archived else tr("Archive"),
            icon=":material/archive:",
            key="experiments.run_archive",
            type="tertiary",
            on_click=archive,
            args=(desk, [record.id], not record.archived),
        )
        with st.popover(tr("Tags and note"), icon=":material/edit_note:", type="tertiary"):
            _edit(desk, record)
        if st.button(tr("All runs"), icon=":material/arrow_back:", key="experiments.back"):
            on_back()
    if record.note:
        st.caption(f":material/edit_note: {plain(record.note)}")


def _edit(desk: Desk, record: RunRecord) -> None:
    tags = st.multiselect(
        tr("Tags"),
        sorted({*known_tags(desk), *record.tags}),
        default=list(record.tags),
        accept_new_options=True,
        key=f"experiments.edit_tags.{record.id}",
    )
    note = st.text_area(tr("Note"), record.note, max_chars=10_000, key=f"experiments.edit_note.{record.id}")
    if st.button(tr("Save"), type="primary", icon=":material/save:", key="experiments.save"):
        try:
            set_tags(desk, record.id, tags)
            write_note(desk, record.id, note)
        except PneumoDeskError as error:
            st.error(str(error), icon=":material/error:")
            return
        st.rerun()


def _curves(record: RunRecord) -> None:
    if not record.epochs:
        st.caption(tr("There are no curves: no epoch has ended."))
        return
    best = record.summary.get("best_epoch")
    for column, (title, names) in zip(st.columns(len(CURVES)), CURVES.items(), strict=True):
        series: dict[str, list[tuple[int, float | None]]] = {
            tr(label): [(int(epoch["epoch"] or 0), epoch.get(name)) for epoch in record.epochs]
            for label, name in names.items()
        }
        with column, st.container(border=True):
            st.markdown(f"**{tr(title)}**")
            st.plotly_chart(
                training_figure(series, tr(title), best),
                key=f"experiments.curve.{title}.{record.id}",
                alt=tr("{title} over {num_epochs} epochs", title=tr(title), num_epochs=len(record.epochs)),
            )
    if best:
        st.caption(tr("The weights of epoch {best} were kept: chosen on the validation images.", best=best))


def _lineage(record: RunRecord) -> None:
    st.table(record.lineage_in_words, border="horizontal")
    if record.checkpoint_hash is None:
        st.caption(tr("The run left no checkpoint."))
    elif record.has_checkpoint:
        st.caption(tr(":material/check: The weights are in {folder}.", folder=plain(str(record.folder / "checkpoint"))))
    else:
        st.caption(
            tr(
                ":material/warning: The weights are no longer in {folder}. Figures remain, from stored "
                "predictions; the model cannot analyse images any more.",
                folder=plain(str(record.folder / "checkpoint")),
            )
        )


def _log(record: RunRecord) -> None:
    text = record.log()
    if not text:
        st.caption(tr("The run wrote no log."))
        return
    st.code(text, language=None, height=480)
