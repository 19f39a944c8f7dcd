"""Two to eight runs side by side: verdicts first, then figures, curves and the config fields in which they differ."""

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from core.evaluation.catalogue import METRIC, METRICS
from core.evaluation.curves import Curves, curves_with_bands
from core.evaluation.metrics import EvaluationReport, engine_text, interval_notes
from core.figures.run_curves import intervals_figure, overlaid_roc_figure, sweep_figure, training_figure
from core.language import mark, tr
from core.services.desk import Desk
from core.services.evaluation.comparison_text import say_p
from core.services.evaluation.predictions import is_selection_split, selection_first
from core.services.experiments.comparison import ComparedRun, CompareRequest, Comparison, compare_runs
from core.services.experiments.seed_groups import spread
from core.services.runs.record import get_record
from core.ui.experiments.evaluation_only import is_opening_asked
from core.ui.experiments.words import bounds
from core.ui.plain_text import plain

COMPARED = "experiments.compared"
CURVES = {mark("AUC on validation"): "validation_auc", mark("Loss on validation"): "validation_loss"}


def comparison_view(desk: Desk, ids: Sequence[str], on_back: Callable[[], None]) -> None:
    """Show a comparison."""
    records = [get_record(desk, run_id) for run_id in ids]
    splits = sorted({split for record in records for split in record.splits}, key=selection_first)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader(tr("{num_runs} runs compared", num_runs=len(ids)), width="content")
        split = st.segmented_control(
            tr("On images of"),
            splits or ["validation"],
            default=(splits or ["validation"])[0],
            key="experiments.compare_split",
            required=True,
        )
        st.space("stretch")
        if st.button(tr("All runs"), icon=":material/arrow_back:", key="experiments.compare_back"):
            on_back()
    if not _is_opened(desk, [record.checkpoint_hash or "" for record in records], tuple(ids), split):
        return
    comparison = compare_runs(desk, CompareRequest(runs=tuple(ids), split=split), record=False)
    names = _names(comparison.runs)
    _say_films(comparison)
    _verdicts(comparison, names)
    _figures(comparison, names)
    _charts(comparison, names, {record.id: record.epochs for record in records})
    _configs(comparison, names)


def _is_opened(desk: Desk, checkpoint_hashes: Sequence[str], ids: tuple[str, ...], split: str) -> bool:
    """Return whether evaluation-only images were opened for this comparison in this visit; a button opens them."""
    opened = st.session_state.setdefault(COMPARED, set())
    if is_selection_split(split) or (ids, split) in opened:
        return True
    is_asked = is_opening_asked(
        desk,
        checkpoint_hashes,
        split,
        label=tr("Compare on the {split} images", split=split),
        key="experiments.compare_open",
        hint=tr("Recorded as one test-set access for each run."),
    )
    if is_asked:
        compare_runs(desk, CompareRequest(runs=ids, split=split))
        opened.add((ids, split))
    return is_asked


def _say_films(comparison: Comparison) -> None:
    said = tr("{counted}, the same for every run.", counted=comparison.films.counted)
    if is_selection_split(comparison.split):
        said += " " + tr("These images helped to choose each model: mildly optimistic for all.")
    else:
        said += " " + tr("Opened {num_openings:,} times on this desk.", num_openings=comparison.num_openings)
    st.caption(said)
    for note in comparison.notes:
        st.warning(plain(note), icon=":material/info:")


def _verdicts(comparison: Comparison, names: dict[str, str]) -> None:
    for verdict in comparison.verdicts:
        with st.container(border=True):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(
                    tr(
                        "**{second}** against **{first}**",
                        second=plain(names[verdict.second]),
                        first=plain(names[verdict.first]),
                    ),
                    width="content",
                )
                _badge(tr("ranking"), verdict.auc_p_corrected, verdict.auc.difference)
                _badge(
                    tr("errors"),
                    verdict.errors_p_corrected,
                    verdict.errors.num_only_second_wrong - verdict.errors.num_only_first_wrong,
                )
            st.markdown(plain(verdict.words))
            told = [
                tr(
                    "{name} {difference:+.3f} ({low:+.3f} to {high:+.3f})",
                    name=METRIC[item.figure].name.lower(),
                    difference=item.difference,
                    low=item.interval[0],
                    high=item.interval[1],
                )
                for item in verdict.differences
                if item.difference is not None and item.interval is not None
            ]
            if told:
                st.caption(
                    tr(
                        "Differences with 95 % bootstrap intervals over whole patients: {differences}.",
                        differences="; ".join(told),
                    )
                )
    if len(comparison.verdicts) > 1:
        st.caption(tr("p-values are corrected for the number of comparisons (Holm)."))


def _badge(what: str, p_value: float | None, difference: float | None) -> None:
    if p_value is None or p_value >= 0.05 or not difference:
        st.badge(
            tr("{figure}: no difference shown", figure=what), icon=":material/equal:", color="gray", help=say_p(p_value)
        )
    else:
        better = difference > 0
        st.badge(
            f"{what}: {'better' if better else 'worse'}",
            icon=":material/arrow_upward:" if better else ":material/arrow_downward:",
            color="green" if better else "orange",
            help=say_p(p_value),
        )


def _figures(comparison: Comparison, names: dict[str, str]) -> None:
    st.subheader(tr("Figures with 95 % intervals"))
    rows: dict[str, Callable[[EvaluationReport], str]] = {
        metric.name: partial(EvaluationReport.say, key=metric.key) for metric in METRICS
    }
    rows[tr("Computed by")] = engine_text
    st.dataframe(
        [
            {
                tr("Figure"): label,
                **{names[run.id]: say(run.report) for run in comparison.runs},
            }
            for label, say in rows.items()
        ],
        hide_index=True,
        key="experiments.compare_table",
        alt=tr("Figures of each run with intervals"),
    )
    st.caption(" ".join(interval_notes([run.report for run in comparison.runs])))
    seeds = {run.config.get("seed") for run in comparison.runs}
    if set(comparison.config_differences) == {"seed"}:
        aucs = [run.report.auc for run in comparison.runs if run.report.auc is not None]
        mean, deviation, interval = spread(aucs)
        if deviation is not None:
            st.caption(
                tr(
                    "These runs differ in the seed alone: over {num_seeds} seeds the AUC is {mean:.4f} on average, "
                    "standard deviation {deviation:.4f}, 95 % interval of the mean {interval}.",
                    num_seeds=len(seeds),
                    mean=mean,
                    deviation=deviation,
                    interval=bounds(interval, 4),
                )
            )


def _charts(comparison: Comparison, names: dict[str, str], epochs: dict[str, Sequence[dict]]) -> None:
    left, right = st.columns(2)
    with left, st.container(border=True):
        st.markdown("**ROC**")
        curves = (
            {
                names[run.id]: _curves(run, comparison.films.fingerprint, run.checkpoint_hash, comparison)
                for run in comparison.runs
            }
            if len(set(comparison.films.labels_N.tolist())) > 1
            else {}
        )
        if curves:
            st.plotly_chart(
                overlaid_roc_figure(curves), key="experiments.compare_roc", alt=tr("ROC curves of all runs")
            )
        else:
            st.caption(tr("Images of one class have no curve."))
    with right, st.container(border=True):
        st.markdown(tr("**Intervals**"))
        st.plotly_chart(
            intervals_figure({names[run.id]: run.report for run in comparison.runs}),
            key="experiments.compare_intervals",
            alt=tr("Figures of all runs with their 95 % intervals"),
        )
    for column, (title, metric) in zip(st.columns(len(CURVES)), CURVES.items(), strict=True):
        series = {
            names[run.id]: [(int(epoch["epoch"]), epoch.get(metric)) for epoch in epochs[run.id]]
            for run in comparison.runs
        }
        with column, st.container(border=True):
            st.markdown(f"**{tr(title)}**")
            st.plotly_chart(
                training_figure(series, tr(title)),
                key=f"experiments.compare.{metric}",
                alt=tr("{title} by epoch", title=tr(title)),
            )


@st.cache_data(max_entries=64, show_spinner=False)
def _curves(_run: ComparedRun, films: str, checkpoint_hash: str, _comparison: Comparison) -> Curves:
    """Keyed by what never changes; without resamples, because only the curves themselves are overlaid."""
    films_of = _comparison.films
    return curves_with_bands(films_of.labels_N, _run.probabilities_N, films_of.known_patients, num_resamples=2)


def _configs(comparison: Comparison, names: dict[str, str]) -> None:
    st.subheader(tr("Where their configs differ"))
    differing = comparison.config_differences
    if not differing:
        st.caption(tr("Their configs are the same in every field."))
        return
    st.dataframe(
        [
            {
                tr("Field"): field.replace("_", " "),
                **{names[run.id]: str(value) for run, value in zip(comparison.runs, values, strict=True)},
            }
            for field, values in differing.items()
        ],
        hide_index=True,
        key="experiments.compare_config",
        alt=tr("Config fields in which the runs differ"),
    )
    if len(comparison.runs) > 2:
        rows = [
            {**{field: values[place] for field, values in differing.items()}, "AUC": run.report.auc}
            for place, run in enumerate(comparison.runs)
        ]
        with st.container(border=True):
            st.markdown(tr("**From config to result**, one line a run"))
            st.plotly_chart(
                sweep_figure(rows, list(differing)),
                key="experiments.sweep",
                alt=tr("Parallel coordinates of the configs"),
            )


def _names(runs: Sequence[ComparedRun]) -> dict[str, str]:
    """Return a name for each run, with its id where two bear the same."""
    names = [run.name for run in runs]
    return {run.id: run.name if names.count(run.name) == 1 else f"{run.name} ({run.id[:6]})" for run in runs}
