"""The images that a run got most wrong, with where it looked."""

from collections.abc import Sequence

import streamlit as st

from core.errors import PneumoDeskError
from core.language import tr
from core.services.desk import Desk
from core.services.evaluation.predictions import PredictedFilms
from core.services.evaluation.stored_results import WorstError, worst_errors
from core.services.experiments.error_maps import draw_maps, kept_maps
from core.services.films.images import Picture, picture_address
from core.services.runs.record import RunRecord
from core.ui.plain_text import plain
from core.ui.viewer.component import viewer

NUM_OF_EACH = 12


def error_gallery(desk: Desk, record: RunRecord, predicted: PredictedFilms, threshold: float) -> None:
    """Show the worst misses and false alarms at a threshold, and the chosen one large."""
    missed, alarms = worst_errors(desk, predicted, threshold, NUM_OF_EACH)
    errors = (*missed, *alarms)
    st.subheader(tr("Worst errors"))
    if not errors:
        st.caption(tr("At this threshold no image is misread."))
        return
    absent = sum(error.path is None for error in errors)
    if absent:
        st.caption(
            tr(
                ":material/image_not_supported: {num_missing} of these images are no longer on disk; their "
                "figures are unchanged.",
                num_missing=absent,
            )
        )
    table, pane = st.columns([5, 4], gap="medium")
    with table:
        chosen = _table(desk, record, predicted.split, errors)
        st.caption(
            tr(
                "At the threshold {threshold:.3f}: missed pneumonia, lowest probability first; then false alarms, "
                "highest first.",
                threshold=threshold,
            )
        )
    with pane:
        _pane(desk, record, errors, chosen)


def _table(desk: Desk, record: RunRecord, split: str, errors: Sequence[WorstError]) -> WorstError:
    chosen = st.dataframe(
        [
            {
                "film": picture_address(desk, Picture.THUMBNAIL, error.path) if error.path else None,
                "error": tr("missed") if error.is_pneumonia else tr("false alarm"),
                "probability": error.probability,
                "file": error.file,
            }
            for error in errors
        ],
        key=f"experiments.errors.{record.id}.{split}",
        on_select="rerun",
        selection_mode="single-row",
        hide_index=True,
        row_height=64,
        height=520,
        column_config={
            "film": st.column_config.ImageColumn(tr("Image"), width="small"),
            "error": st.column_config.TextColumn(tr("Error"), width="small"),
            "probability": st.column_config.NumberColumn(tr("Prob."), format="%.3f", width="small"),
            "file": st.column_config.TextColumn(tr("File"), width="medium"),
        },
        alt=tr("Images that were misread, worst first"),
    )
    rows = chosen.selection.rows
    return errors[rows[0] if rows and rows[0] < len(errors) else 0]


def _pane(desk: Desk, record: RunRecord, errors: Sequence[WorstError], chosen: WorstError) -> None:
    label = tr("pneumonia") if chosen.is_pneumonia else tr("normal")
    st.markdown(
        tr(
            "**{file}** · labelled {label}, probability {probability:.3f}",
            file=plain(chosen.file),
            label=label,
            probability=chosen.probability,
        )
    )
    if chosen.path is None:
        st.caption(tr("This image is no longer on disk."))
        return
    maps = kept_maps(record, errors)
    if chosen.content_hash not in maps and st.button(
        tr("Show AI heatmap"),
        icon=":material/visibility:",
        key="experiments.maps",
        help=tr("Reads these images once more with the run's model; the maps are kept with the run."),
    ):
        try:
            with st.spinner(tr("The model reads these images.")):
                maps = draw_maps(desk, record, errors)
        except PneumoDeskError as error:
            st.error(str(error), icon=":material/error:")
    viewer(
        desk,
        chosen.path,
        alt=tr(
            "Image {file}, labelled {label}, probability {probability:.3f}",
            file=chosen.file,
            label=label,
            probability=chosen.probability,
        ),
        heatmap=maps.get(chosen.content_hash),
        height=420,
        key="experiments.film",
    )
