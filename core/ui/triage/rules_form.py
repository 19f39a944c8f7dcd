"""The rules of the worklist on a page: seen by all, changed by a named reader, every version kept."""

import streamlit as st
from pydantic import ValidationError

from core.errors import PneumoDeskError
from core.language import mark, tr
from core.result_words import READING_ORDER
from core.services.desk import Desk
from core.services.worklist.rules import current_rules, list_rules, save_rules
from core.triage.rules import HumanBand, WorklistRules
from core.ui.config_form import about
from core.ui.reader_name.component import current_reader
from core.ui.words import moment

BAND_FIELDS = {
    "uncertain_band": mark("Indeterminate images"),
    "rejected_band": mark("Unsuitable images"),
    "unreadable_band": mark("File errors"),
}


def rules_view(desk: Desk) -> None:
    """Show the active rules, let them be changed, and list the versions before."""
    version = current_rules(desk)
    said = (
        tr(
            "Version {version}, by {author}, {when}",
            version=version.version,
            author=version.author,
            when=moment(version.when),
        )
        if version.when
        else tr("As delivered")
    )
    st.caption(
        tr(
            "{said}. Studies that are indeterminate or not analysed are always among those to read first or next. "
            "Changes apply at once to the list of every reader.",
            said=said,
        )
    )
    reader = current_reader()
    with st.form("triage.rules"):
        left, middle, right = st.columns(3)
        with left:
            values = _scores(version.rules)
        with middle:
            values |= _bands(version.rules)
        with right:
            values |= _times(version.rules)
        if st.form_submit_button(tr("Save the rules"), type="primary", disabled=reader is None):
            _save(desk, values, reader)
    if reader is None:
        st.caption(tr(":material/person: Set your reader name in the sidebar to save rules."))
    _versions(desk)


def _scores(rules: WorklistRules) -> dict[str, object]:
    empty = {"placeholder": tr("As the operating point"), "min_value": 0.0, "max_value": 1.0, "step": 0.01}
    prevalence = st.number_input(
        tr("Prevalence, %"),
        value=None if rules.prevalence is None else 100 * rules.prevalence,
        min_value=0.1,
        max_value=99.9,
        step=1.0,
        format="%.1f",
        placeholder=tr("Not stated"),
        help=_help("prevalence"),
        key="rules.prevalence",
    )
    return {
        "urgent_from": st.number_input(
            tr("Read first from AI score"),
            value=rules.urgent_from,
            help=_help("urgent_from"),
            key="rules.urgent",
            **empty,
        ),
        "routine_below": st.number_input(
            tr("Read in turn below AI score"),
            value=rules.routine_below,
            help=_help("routine_below"),
            key="rules.routine",
            **empty,
        ),
        "prevalence": None if prevalence is None else prevalence / 100,
    }


def _bands(rules: WorklistRules) -> dict[str, object]:
    options = [band.value for band in HumanBand]
    return {
        field: st.selectbox(
            tr(label),
            options,
            index=options.index(getattr(rules, field).value),
            format_func=READING_ORDER.__getitem__,
            help=_help(field),
            key=f"rules.{field}",
        )
        for field, label in BAND_FIELDS.items()
    }


def _times(rules: WorklistRules) -> dict[str, object]:
    return {
        "waiting_cap_hours": st.number_input(
            tr("Longest wait, hours"),
            value=float(rules.waiting_cap_hours),
            min_value=0.5,
            max_value=8760.0,
            step=1.0,
            help=_help("waiting_cap_hours"),
            key="rules.cap",
        ),
        "near_gate_share": st.number_input(
            tr("Near gate limit from"),
            value=rules.near_gate_share,
            min_value=0.01,
            max_value=1.0,
            step=0.01,
            help=_help("near_gate_share"),
            key="rules.gate",
        ),
        "keep_days": st.number_input(
            tr("Retention, days"),
            value=rules.keep_days,
            min_value=1,
            max_value=36_500,
            step=1,
            placeholder=tr("For ever"),
            help=_help("keep_days"),
            key="rules.keep",
        ),
    }


def _help(field: str) -> str:
    return about(WorklistRules.model_fields[field]) or ""


def _save(desk: Desk, values: dict[str, object], reader: str | None) -> None:
    try:
        number = save_rules(desk, WorklistRules(**{**values, "urgent_from": values["urgent_from"] or None}), reader)
    except ValidationError as error:
        st.error(
            tr(
                "These rules cannot be saved: {problem}.",
                problem=error.errors()[0]["msg"].removeprefix("Value error, "),
            )
        )
    except PneumoDeskError as error:
        st.error(str(error), icon=":material/error:")
    else:
        st.success(tr("Version {number} is active.", number=number), icon=":material/check:")


def _versions(desk: Desk) -> None:
    versions = list_rules(desk)
    if not versions:
        return
    with st.expander(tr("Earlier versions"), icon=":material/history:"):
        st.dataframe(
            [
                {
                    tr("Version"): row.version,
                    tr("Author"): row.author,
                    tr("Saved"): moment(row.when),
                    **row.rules.model_dump(),
                }
                for row in versions
            ],
            hide_index=True,
            alt=tr("Versions of the rules, newest first"),
        )
