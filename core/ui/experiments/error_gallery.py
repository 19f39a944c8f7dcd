"""The films that a run got most wrong, with where it looked."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import streamlit as st

from core.errors import PneumoDeskError
from core.services.desk import Desk
from core.services.error_maps import draw_maps, kept_maps
from core.services.judgement import RunRecord, WorstError, worst_errors
from core.services.predictions import PredictedFilms
from core.ui.plain_text import plain
from core.ui.viewer.component import viewer

NUM_SHOWN = 4


def error_gallery(desk: Desk, record: RunRecord, predicted: PredictedFilms, threshold: float) -> None:
    """Show the worst misses and false alarms at a threshold."""
    missed, alarms = worst_errors(desk, predicted, threshold, NUM_SHOWN)
    st.subheader("Worst errors")
    if not missed and not alarms:
        st.caption("At this threshold no film is misread.")
        return
    errors = (*missed, *alarms)
    maps = kept_maps(record, errors)
    absent = [error for error in errors if error.path is None]
    if absent:
        st.caption(
            f":material/image_not_supported: {len(absent)} of these films are no longer where the cohort was read; "
            "their figures stand."
        )
    if len(maps) < len(errors) - len(absent) and st.button(
        "Show where the model looked",
        icon=":material/visibility:",
        key="experiments.maps",
        help="Reads these films once more with the run's model; the maps are kept with the run.",
    ):
        try:
            with st.spinner("The model reads these films."):
                maps = draw_maps(desk, record, errors)
        except PneumoDeskError as error:
            st.error(str(error), icon=":material/error:")
    _row(desk, f"Missed: pneumonia below {threshold:.3f}", missed, maps)
    _row(desk, f"False alarms: normal from {threshold:.3f} on", alarms, maps)


def _row(desk: Desk, title: str, errors: Sequence[WorstError], maps: Mapping[str, Path]) -> None:
    st.markdown(f"**{title}**")
    if not errors:
        st.caption("None.")
        return
    for place, (column, error) in enumerate(zip(st.columns(NUM_SHOWN), errors, strict=False)):
        with column, st.container(border=True):
            label = "pneumonia" if error.is_pneumonia else "normal"
            if error.path is not None:
                viewer(
                    desk,
                    error.path,
                    alt=f"Film {error.file}, labelled {label}, probability {error.probability:.3f}",
                    heatmap=maps.get(error.content_hash),
                    height=300,
                    key=f"experiments.film.{label}.{place}",
                )
            st.caption(f"**{error.probability:.3f}** · {plain(Path(error.file).name)}")
