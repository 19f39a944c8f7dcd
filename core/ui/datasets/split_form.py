"""Proposing, looking at and saving a split of a dataset."""

import pandas as pd
import streamlit as st

from core.dataset.splitting import SplitConfig
from core.errors import PneumoDeskError
from core.language import tr
from core.services.datasets import indexing
from core.services.datasets.dataset import Dataset
from core.services.datasets.splits import list_splits, preview_split, save_split
from core.services.datasets.tables import frame_in_words, rows_in_words, split_rows
from core.services.desk import Desk
from core.services.models.lookup import list_models
from core.services.models.training_folds import save_split_of_model
from core.ui.config_form import about, words
from core.ui.plain_text import plain
from core.ui.reader_name.component import current_reader


def split_view(desk: Desk, dataset: Dataset) -> None:
    """The form, the balance of what it proposes, and the splits that were saved before."""
    st.caption(
        tr(
            "Split by patient, stratified by subtype, copies counted once, without test images. Validation "
            "selects the epoch; calibration fits probabilities and the threshold."
        )
    )
    try:
        config = _choose_config()
        fingerprint, balance = _preview(dataset, dataset.fingerprint, config.model_dump_json())
    except (PneumoDeskError, ValueError) as error:
        st.warning(str(error), icon=":material/warning:")
    else:
        st.dataframe(frame_in_words(balance))
        _save_form(desk, dataset, config)
        st.caption(tr("Fingerprint {fingerprint}", fingerprint=fingerprint[:16]))
    _adopt(desk, dataset)
    _saved(desk, dataset)


def _adopt(desk: Desk, dataset: Dataset) -> None:
    """Only for models that were trained on these images; there are none on a new desk's own dataset."""
    models = {one.name: one for one in list_models(desk) if one.card.cohort_fingerprint == dataset.fingerprint}
    if not models:
        return
    with (
        st.expander(tr("Use the folds of a model"), icon=":material/conversion_path:"),
        st.form("dataset.split.adopt", border=False),
    ):
        st.caption(
            tr("To train a model on the folds of another, start from its weights, or evaluate both on the same images.")
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            model = st.selectbox(
                tr("Model"),
                list(models),
                format_func=lambda name: " · ".join(dict.fromkeys((models[name].card.name, name))),
                key="dataset.split.model",
            )
            name = st.text_input(tr("Name of the split"), placeholder="same-folds", key="dataset.split.adopted_name")
            wanted = st.form_submit_button(tr("Save its folds"), icon=":material/save:")
        if not wanted:
            return
        try:
            saved = save_split_of_model(desk, indexing.index(desk, dataset.root), model, name, current_reader())
            st.toast(tr("Saved as {name}.", name=plain(saved.name)), icon=":material/check:")
        except PneumoDeskError as error:
            st.error(str(error), icon=":material/error:")


def _choose_config() -> SplitConfig:
    """Raises ValueError if the shares leave nothing to train on."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        fields = {name: _percent(name) for name in ("validation_fraction", "calibration_fraction", "holdout_fraction")}
        seed = st.number_input(
            tr("Seed"), 0, 2**31 - 1, 0, key="dataset.split.seed", help=about(SplitConfig.model_fields["seed"])
        )
    return SplitConfig(**fields, seed=int(seed))


def _save_form(desk: Desk, dataset: Dataset, config: SplitConfig) -> None:
    with st.form("dataset.split.save", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input(tr("Name of the split"), placeholder="baseline", key="dataset.split.name")
        if not st.form_submit_button(tr("Save this split"), icon=":material/save:", type="primary"):
            return
        try:
            saved = save_split(desk, indexing.index(desk, dataset.root), config, name, current_reader())
            st.toast(tr("Saved as {name}.", name=plain(saved.name)), icon=":material/check:")
        except PneumoDeskError as error:
            st.error(str(error), icon=":material/error:")


def _saved(desk: Desk, dataset: Dataset) -> None:
    splits = list_splits(desk, dataset.fingerprint)
    if not splits:
        st.caption(tr("No split of this dataset has been saved yet."))
        return
    st.markdown(tr("**Saved splits**"))
    st.dataframe(rows_in_words(split_rows(splits)), hide_index=True)
    st.caption(tr("Choose one on the Training page, or `python -m core train --split NAME`."))


@st.cache_data(max_entries=16, show_spinner=False)
def _preview(_dataset: Dataset, fingerprint: str, config: str) -> tuple[str, pd.DataFrame]:
    """Keyed by the images and the config, which decide every split."""
    split, balance = preview_split(_dataset.cohort, SplitConfig.model_validate_json(config))
    return split.fingerprint, balance


def _percent(name: str) -> float:
    field = SplitConfig.model_fields[name]
    lowest = 1 if name == "validation_fraction" else 0
    share = st.number_input(
        tr("{part}, %", part=words(name.removesuffix("_fraction"))),
        lowest,
        49,
        round(field.default * 100),
        key=f"dataset.split.{name}",
        help=about(field),
    )
    return share / 100
