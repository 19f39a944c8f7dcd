"""Agreement of model and readers, where they differ, and findings as labels for the next dataset."""

import pandas as pd
import streamlit as st

from core.errors import PneumoDeskError
from core.evaluation.agreement import AgainstReference
from core.evaluation.proportions import say_fraction, say_interval, say_share
from core.language import tr, tr_n
from core.result_words import AI_RESULTS, FINDINGS, score_in_words
from core.services.desk import Desk
from core.services.desk.csv_export import rows_to_csv
from core.services.worklist.agreement import EACH_STUDY_ALONE, MODEL, AgreementReport, PairAgreement, agreement_of
from core.services.worklist.label_export import export_verdicts
from core.triage.ai_result import ai_result
from core.triage.priority import PRIORITY_OF_FINDING as MODEL_FINDINGS
from core.ui.plain_text import plain
from core.ui.reader_name.component import current_reader
from core.ui.triage.study_list import current_worklist, open_study

SAID = "triage.export.said"


def agreement_view(desk: Desk) -> None:
    """Show agreement over all studies that a reader has read."""
    report = agreement_of(current_worklist(desk, None))
    if not report.num_judged:
        st.caption(tr("No study has been read yet."))
        return
    st.caption(
        tr_n(
            "{n:,} study with a finding; model: {models}. Readers saw the AI result first, so they agree with it more "
            "than they would otherwise. Findings are no diagnoses.",
            "{n:,} studies with a finding; model: {models}. Readers saw the AI result first, so they agree with it "
            "more than they would otherwise. Findings are no diagnoses.",
            report.num_judged,
            models=plain(", ".join(report.models)),
        )
    )
    st.subheader(tr("Agreement"))
    st.dataframe(pd.DataFrame([_pair_row(pair) for pair in report.pairs]), hide_index=True, alt=tr("Agreement by pair"))
    _tables(report)
    st.subheader(tr("AI result against readers"))
    st.caption(tr("Indeterminate images count as flagged.") + " " + tr(EACH_STUDY_ALONE))
    st.dataframe(
        pd.DataFrame([_reference_row(name, found) for name, found in report.against.items()]),
        hide_index=True,
        alt=tr("Sensitivity and specificity of the AI result against each reader"),
    )
    _disagreements(report)
    _export(desk)


def _pair_row(pair: PairAgreement) -> dict[str, object]:
    found = pair.found
    return {
        tr("Between"): tr("{first} and {second}", first=pair.first, second=pair.second),
        tr("Read by both"): found.num_studies,
        tr("Decided by both"): found.num_decided,
        tr("Agreement"): "–" if found.share_agreed is None else say_share(found.share_agreed, 0),
        tr("Cohen's kappa"): tr("not defined") if found.kappa is None else f"{found.kappa:.2f}",
        "95 % interval": "–"
        if found.kappa_interval is None
        else tr(
            "{low:.2f} to {high:.2f}",
            low=found.kappa_interval[0],
            high=found.kappa_interval[1],
        ),
    }


def _tables(report: AgreementReport) -> None:
    with st.expander(tr("Tables"), icon=":material/table:"):
        for pair in report.pairs:
            rows, columns = (_labels(rater, pair.found.labels) for rater in (pair.first, pair.second))
            table = pd.DataFrame(pair.found.table, index=rows, columns=columns)
            table = table.loc[table.sum(axis=1) > 0, table.sum(axis=0) > 0]
            st.text(tr("Rows: {first}; columns: {second}", first=pair.first, second=pair.second))
            st.table(table)


def _labels(rater: str, labels: tuple[str, ...]) -> list[str]:
    """Return how the stored labels of a rater are shown; of what a rater never says, the label itself."""
    if rater == MODEL:
        return [AI_RESULTS[ai_result("read", label)] if label in MODEL_FINDINGS else label for label in labels]
    return [FINDINGS.get(label) or label for label in labels]


def _reference_row(name: str, found: AgainstReference) -> dict[str, object]:
    return {
        tr("Against"): name,
        tr("Pneumonia"): found.num_positive,
        tr("No pneumonia"): found.num_negative,
        tr("Sensitivity"): _share(found.sensitivity, found.sensitivity_interval),
        tr("Specificity"): _share(found.specificity, found.specificity_interval),
    }


def _share(value: float | None, interval: tuple[float, float] | None) -> str:
    return "–" if value is None or interval is None else f"{say_fraction(value)} ({say_interval(interval)})"


def _disagreements(report: AgreementReport) -> None:
    st.subheader(tr("Disagreements"))
    rows = report.disagreements
    if rows.empty:
        st.caption(tr("No disagreements."))
        return
    chosen = st.dataframe(
        _in_words(rows),
        key="triage.disagreements",
        on_select="rerun",
        selection_mode="single-row",
        hide_index=True,
        column_config={
            "file": tr("File"),
            "score": tr("AI score"),
            "finding": tr("AI result"),
            "verdicts": tr("Readers"),
            "between": tr("Between"),
        },
        alt=tr("Studies on which model and readers differ"),
    )
    with st.container(horizontal=True):
        if st.button(
            tr("Open study"), icon=":material/radiology:", disabled=not chosen.selection.rows, key="triage.reopen"
        ):
            st.query_params["view"] = "worklist"
            open_study(str(rows["study"].iloc[chosen.selection.rows[0]]))
            st.session_state.pop("triage.view", None)
            st.rerun()
        columns = [name for name in rows.columns if name != "said"]
        st.download_button(
            "CSV",
            lambda: rows_to_csv(rows.to_dict("records"), columns),
            file_name="disagreements.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )


def _in_words(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "file": rows["file"],
            "score": [
                score_in_words(score, *limits)
                for score, limits in zip(rows["probability"], rows["limits"], strict=True)
            ],
            "finding": [AI_RESULTS[ai_result("read", finding)] for finding in rows["finding"]],
            "verdicts": [
                "; ".join(f"{reader}: {FINDINGS[verdict]}" for reader, verdict in said) for said in rows["said"]
            ],
            "between": rows["between"],
        }
    )


def _export(desk: Desk) -> None:
    st.subheader(tr("Labels for the next dataset"))
    st.caption(
        tr(
            "Images on which readers agree are copied into a new dataset folder with a metadata.csv; others are left "
            "out."
        )
    )
    reader = current_reader()
    if st.button(tr("Export dataset"), icon=":material/dataset:", key="triage.export", disabled=reader is None):
        try:
            done = export_verdicts(desk, reader)
        except PneumoDeskError as error:
            st.error(str(error), icon=":material/error:")
            return
        said = [
            tr(
                "{num_films:,} images are in {folder}. Left out: {num_conflicting:,} on which readers differ, "
                "{num_undecided:,} that nobody decided.",
                num_films=done.num_films,
                folder=done.folder,
                num_conflicting=done.num_conflicting,
                num_undecided=done.num_undecided,
            )
        ]
        if done.missing:
            said.append(tr("{num_missing:,} images are no longer where they were read.", num_missing=len(done.missing)))
        st.success(" ".join(said), icon=":material/check:")
