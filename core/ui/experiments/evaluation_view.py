"""How a run is evaluated on labelled images: every figure with its interval, at a threshold that moves."""

import streamlit as st

from core.evaluation.catalogue import METRIC
from core.evaluation.curves import Curves, curves_with_bands
from core.evaluation.metrics import EvaluationReport, interval_notes
from core.evaluation.moved_threshold import at_threshold
from core.evaluation.predictive_values import MeasuredRates, predictive_values
from core.evaluation.proportions import Interval, say_fraction, say_share
from core.evaluation.reliability import reliability_bins
from core.evaluation.subgroups import judge_subgroups
from core.figures.judgement import (
    confusion_figure,
    histogram_figure,
    precision_recall_figure,
    reliability_figure,
    roc_figure,
)
from core.language import mark, tr
from core.services.desk import Desk
from core.services.evaluation.predictions import PredictedFilms, is_selection_split
from core.services.evaluation.stored_results import OpenedSplit, load_evaluation
from core.services.evaluation.training_overlap import say_overlap
from core.services.runs.record import RunRecord
from core.ui.experiments.error_gallery import error_gallery
from core.ui.experiments.evaluation_only import is_opening_asked
from core.ui.experiments.words import bounds

OPENED = "experiments.opened"
NO_ONE_CLASS = mark("These images are of one class only: there are no curves, and what needs both classes stays empty.")


def evaluation_view(desk: Desk, record: RunRecord) -> None:
    """Choose a split, show it by a button if it is evaluation-only, and show the run's figures on it."""
    if not record.splits:
        st.caption(
            tr(
                "No stored predictions: the run has not ended or left no model. `python -m core evaluate` "
                "analyses a split with its model."
            )
        )
        return
    split = st.segmented_control(
        tr("Images"),
        list(record.splits),
        default=record.splits[0],
        key=f"experiments.split.{record.id}",
        required=True,
        help=tr(
            "Validation chose the epoch and the threshold, calibration the probabilities and the threshold. Any other "
            "split is evaluation-only, and each access to it is recorded."
        ),
    )
    opened = _opened(desk, record, split)
    if opened is not None:
        _say_openings(opened)
        _judged(desk, record, opened)


def _opened(desk: Desk, record: RunRecord, split: str) -> OpenedSplit | None:
    """Return the split's predictions; an evaluation-only one is shown by a button, once a visit, and recorded."""
    checkpoint = record.checkpoint_hash or ""
    if is_selection_split(split):
        return load_evaluation(desk, checkpoint, split)
    opened = st.session_state.setdefault(OPENED, set())
    key = (checkpoint, split)
    if key in opened:
        return load_evaluation(desk, checkpoint, split, occasion=None)
    if is_opening_asked(
        desk,
        [checkpoint],
        split,
        label=tr("Open the {split} figures", split=split),
        key="experiments.open_split",
        caption=tr(
            "The more often figures are looked at while models are still being chosen, the less they are worth."
        ),
    ):
        opened.add(key)
        return load_evaluation(desk, checkpoint, split)
    return None


def _say_openings(opened: OpenedSplit) -> None:
    predicted = opened.predicted
    films = tr("{counted}, read by {engine}", counted=predicted.films.counted, engine=predicted.engine)
    if opened.is_selection:
        st.caption(
            tr(":material/tune: {images}. These images helped to choose this model: mildly optimistic.", images=films)
        )
    else:
        st.caption(
            tr(
                ":material/lock_open: {images}. Opened {num_accesses:,} times on this desk.",
                images=films,
                num_accesses=opened.num_openings,
            )
        )
    if said := say_overlap(opened.num_training_images, len(predicted.films.files)):
        st.warning(said, icon=":material/warning:")


@st.fragment
def _judged(desk: Desk, record: RunRecord, opened: OpenedSplit) -> None:
    """Everything that moves with the threshold."""
    predicted = opened.predicted
    own = float(predicted.report.threshold)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        threshold = st.slider(
            tr("Threshold"),
            0.0,
            1.0,
            own,
            0.001,
            format="%.3f",
            key=f"experiments.threshold.{record.id}.{predicted.split}",
            help=tr(
                "An image is flagged from this probability on. The run's own threshold is {own_threshold:.3f}. "
                "Moving it here changes nothing but this view.",
                own_threshold=own,
            ),
        )
        prevalence = st.number_input(
            tr("Prevalence, %"),
            0.1,
            99.9,
            10.0,
            1.0,
            width=150,
            key="experiments.prevalence",
            help=tr(
                "Of 100 children with a chest X-ray at your site, how many have pneumonia? PPV and NPV depend on it."
            ),
        )
    report = at_threshold(
        predicted.report,
        predicted.films.labels_N,
        predicted.probabilities,
        threshold,
        predicted.films.known_patients,
    )
    _figures(report, prevalence / 100)
    _charts(record, predicted, report)
    _subgroups(predicted, threshold)
    error_gallery(desk, record, predicted, threshold)


def _figures(report: EvaluationReport, prevalence: float) -> None:
    for row in (
        ("sensitivity", "specificity", "accuracy", "precision", "f1"),
        ("auc", "average_precision", "brier", "ece"),
    ):
        with st.container(horizontal=True):
            for name in row:
                metric = METRIC[name]
                interval = getattr(report.ci, name, None)
                _metric(metric.name, metric.say(getattr(report, name)), interval, metric.help, metric.num_decimals)
            if row[0] == "auc":
                _predictive(report, prevalence)
    st.caption(" ".join(interval_notes([report])))


def _predictive(report: EvaluationReport, prevalence: float) -> None:
    tested = MeasuredRates.of([report])
    values = predictive_values(tested, prevalence) if tested else None
    stated = say_share(prevalence)
    _metric(
        "PPV",
        say_fraction(values.ppv) if values else tr("undefined"),
        values and values.ppv_interval,
        tr("Share of flagged images with pneumonia, at {prevalence} prevalence.", prevalence=stated),
    )
    _metric(
        "NPV",
        say_fraction(values.npv) if values else tr("undefined"),
        values and values.npv_interval,
        tr(
            "Share of unflagged images without pneumonia, at {prevalence} prevalence. It never excludes disease.",
            prevalence=stated,
        ),
    )


def _metric(label: str, value: str, interval: Interval | None, meaning: str, num_decimals: int = 3) -> None:
    st.metric(
        label,
        value,
        delta=bounds(interval, num_decimals) if interval else tr("no interval"),
        delta_color="off",
        delta_arrow="off",
        border=True,
        help=" ".join((meaning, tr("Below: 95 % interval."))),
    )


def _charts(record: RunRecord, predicted: PredictedFilms, report: EvaluationReport) -> None:
    key = f"{record.id}.{predicted.split}"
    films = predicted.films
    curves = _curves(predicted, films.fingerprint, predicted.checkpoint_hash)
    if curves is None:
        st.caption(tr(NO_ONE_CLASS))
    elif len(set(predicted.probabilities.tolist())) == 1:
        st.caption(tr("The model gives every image the same score: it cannot rank them."))
    left, middle, right = st.columns(3)
    with left, st.container(border=True):
        st.markdown(tr("**Confusion matrix**"))
        st.plotly_chart(confusion_figure(report.confusion), key=f"experiments.confusion.{key}", alt=_spoken(report))
    if curves is not None:
        with middle, st.container(border=True):
            st.markdown(tr("**ROC**, with 95 % band"))
            st.plotly_chart(
                roc_figure(curves, report.sensitivity, report.specificity),
                key=f"experiments.roc.{key}",
                alt=tr("ROC curve, area {auc}", auc=METRIC["auc"].say(report.auc)),
            )
        with right, st.container(border=True):
            st.markdown(tr("**Precision and recall**, with 95 % band"))
            st.plotly_chart(
                precision_recall_figure(curves, report.sensitivity, report.precision),
                key=f"experiments.pr.{key}",
                alt=tr(
                    "Precision–recall curve, average precision {precision}",
                    precision=METRIC["average_precision"].say(report.average_precision),
                ),
            )
    left, right = st.columns(2)
    with left, st.container(border=True):
        st.markdown(tr("**Calibration** in 15 bins; larger points hold more images"))
        st.plotly_chart(
            reliability_figure(reliability_bins(films.labels_N, predicted.probabilities, films.known_patients)),
            key=f"experiments.reliability.{key}",
            alt=tr("Reliability diagram"),
        )
    with right, st.container(border=True):
        st.markdown(tr("**Probabilities by label**, images on a logarithmic scale"))
        st.plotly_chart(
            histogram_figure(films.labels_N, predicted.probabilities, report.threshold),
            key=f"experiments.histogram.{key}",
            alt=tr("Histogram of probabilities for normal and pneumonia images"),
        )


@st.cache_data(max_entries=32, show_spinner=False)
def _curves(_predicted: PredictedFilms, films: str, checkpoint_hash: str) -> Curves | None:
    """Keyed by what never changes: the images' fingerprint and the checkpoint's hash."""
    if len(set(_predicted.films.labels_N.tolist())) < 2:
        return None
    return curves_with_bands(_predicted.films.labels_N, _predicted.probabilities, _predicted.films.known_patients)


def _subgroups(predicted: PredictedFilms, threshold: float) -> None:
    films = predicted.films
    groups = judge_subgroups(films.subtypes, films.labels_N, predicted.probabilities, threshold, films.known_patients)
    st.subheader(tr("Subgroups"))
    if not groups:
        st.caption(tr("The subtypes of these images are not known."))
        return
    st.dataframe(
        [
            {
                tr("Subtype"): tr("{name} (too few to evaluate)", name=group.name) if group.is_small else group.name,
                tr("Images"): group.num_films,
                tr("Patients"): group.num_patients,
                tr("Classified correctly"): METRIC["accuracy"].say(group.share_right),
                tr("95 % interval"): bounds(group.share_interval),
                tr("AUC against all of the other class"): METRIC["auc"].say(group.auc),
                tr("AUC, 95 % interval"): bounds(group.auc_interval, METRIC["auc"].num_decimals),
            }
            for group in groups
        ],
        hide_index=True,
        key=f"experiments.subgroups.{predicted.split}",
        alt=tr("Share of images classified correctly and AUC by subgroup"),
    )


def _spoken(report: EvaluationReport) -> str:
    counts = report.confusion
    return tr(
        "Of {num_pneumonia} pneumonia images {num_flagged} are flagged, of {num_normal} normal images "
        "{num_false_alarms}",
        num_pneumonia=counts.tp + counts.fn,
        num_flagged=counts.tp,
        num_normal=counts.tn + counts.fp,
        num_false_alarms=counts.fp,
    )
