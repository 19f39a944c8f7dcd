"""One reading: the image with the AI heatmap, what was found and why, and what it all rests on."""

import pandas as pd
import streamlit as st

from core.language import tr
from core.result_words import AI_RESULT_HELP, AI_RESULTS, READING_ORDER, escalation_in_words, score_in_words
from core.services.desk import Desk
from core.services.films.images import Picture, picture_address
from core.services.worklist.reading_detail import ReadingDetail, get_reading, meaning_here
from core.triage.rules import WorklistRules
from core.ui.plain_text import plain
from core.ui.triage.exporting import study_export
from core.ui.viewer.component import viewer
from core.ui.words import ORDER_ICONS, RESULT_COLOURS, RESULT_ICONS


def reading_pane(desk: Desk, study: pd.Series, rules: WorklistRules, following: pd.Series | None = None) -> None:
    """Show a study's newest reading; the image of the `following` study is fetched ahead."""
    reading = get_reading(desk, int(study["reading_id"]))
    _headline(reading, study, rules)
    if said := _score_and_remark(reading):
        st.caption(f"{plain(said)}.")
    if reading.same_image_as:
        st.caption(
            tr(":material/content_copy: Same image as {same_image_as}.", same_image_as=plain(reading.same_image_as))
        )
    if reading.edge_warning:
        st.caption(f":material/warning: {reading.edge_warning}")
    if reading.status != "failed" and reading.source_path:
        viewer(
            desk,
            reading.source_path,
            member=reading.source_member,
            heatmap=reading.heatmap_file,
            alt=_description(reading),
            height=480,
            following=_film_of(desk, following),
            key="triage.viewer",
        )
    else:
        st.caption(tr(":material/image_not_supported: No image to show."))
    _meaning(reading, rules)
    study_export(desk, reading.id)
    with st.expander(tr("Provenance"), icon=":material/account_tree:"):
        st.table(reading.lineage_in_words, border="horizontal")


def _headline(reading: ReadingDetail, study: pd.Series, rules: WorklistRules) -> None:
    """Show the file, the AI result and, as another thing, the study's place in the reading order."""
    result, band = reading.ai_result, study["band"]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(reading.file)}**")
        st.badge(
            AI_RESULTS[result], icon=RESULT_ICONS[result], color=RESULT_COLOURS[result], help=AI_RESULT_HELP[result]
        )
        st.badge(READING_ORDER[band], icon=ORDER_ICONS[band], color="gray", help=tr("By the site's rules."))
        if study["is_lifted"]:
            st.badge(
                escalation_in_words(rules.waiting_cap_hours).capitalize(), icon=":material/schedule:", color="orange"
            )


def _score_and_remark(reading: ReadingDetail) -> str:
    """Return the AI score, if there is one, and what else is to be said of the reading."""
    said = [reading.remark] if reading.remark else []
    if reading.probability is not None:
        score = _score(reading, reading.probability)
        said.insert(0, tr("AI score {score}", score=score))
    sentence = " · ".join(said)
    return sentence[:1].upper() + sentence[1:]


def _meaning(reading: ReadingDetail, rules: WorklistRules) -> None:
    if reading.probability is None:
        return
    said = meaning_here(reading, rules.prevalence)
    st.caption(f":material/percent: {said}")


def _film_of(desk: Desk, study: pd.Series | None) -> str | None:
    if study is None or study["status"] == "failed" or not study["source_path"]:
        return None
    return picture_address(desk, Picture.FILM, study["source_path"], study["source_member"])


def _score(reading: ReadingDetail, probability: float) -> str:
    return score_in_words(probability, reading.uncertain_low, reading.uncertain_high)


def _description(reading: ReadingDetail) -> str:
    said = tr("Image {file}, {ai_result}", file=reading.file, ai_result=AI_RESULTS[reading.ai_result])
    if reading.probability is None:
        return said
    return tr("{said}, AI score {score}", said=said, score=_score(reading, reading.probability))
