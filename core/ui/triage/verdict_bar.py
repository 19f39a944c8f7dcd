"""Findings, next and previous study: by buttons, each with a key, so that a list is read without a mouse."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from core.errors import PneumoDeskError
from core.language import tr, tr_n
from core.result_words import FINDINGS
from core.services.desk import Desk
from core.services.worklist.verdicts import (
    LONGEST_NOTE,
    Verdict,
    current_verdicts,
    give_verdict,
    last_verdict,
    undo_verdict,
)
from core.ui.plain_text import plain
from core.ui.triage.study_list import ShownStudies, open_study
from core.ui.words import FINDING_ICONS, moment

KEYS = {Verdict.PNEUMONIA: "P", Verdict.NORMAL: "N", Verdict.UNSURE: "U", Verdict.NOT_READABLE: "X"}
SAID = "triage.said"
PROBLEM = "triage.problem"
NON_BREAKING_HYPHEN = "\u2011"


def way_on(desk: Desk, shown: ShownStudies, reader: str | None) -> None:
    """Show the place in the list with previous, next and undo."""
    before = last_verdict(desk, reader) if reader else None
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for name, label, icon, key, step in (
            ("previous", tr("Previous"), ":material/chevron_left:", "K", -1),
            ("next", tr("Next"), ":material/chevron_right:", "J", 1),
        ):
            study = shown.neighbour(step)
            st.button(
                label,
                icon=icon,
                key=f"triage.{name}",
                shortcut=key,
                type="tertiary",
                disabled=study is None,
                on_click=open_study,
                args=(study,),
            )
        st.button(
            tr("Undo"),
            icon=":material/undo:",
            key=f"triage.undo.{before.id if before else None}",
            shortcut="Z",
            type="tertiary",
            disabled=before is None,
            help=tr("Undo your last finding and return to its image."),
            on_click=_undo,
            args=(desk, before.id if before else None, reader),
        )
        if shown.place is None:
            st.caption(tr("Not in the list as filtered"))
        else:
            st.caption(tr("{place:,} of {num_studies:,}", place=shown.place + 1, num_studies=len(shown.studies)))


def verdict_bar(desk: Desk, shown: ShownStudies, study: pd.Series, reader: str | None) -> None:
    """Show the buttons for a finding on the newest reading of a study, and what was just saved."""
    onwards = shown.neighbour(1) or shown.neighbour(-1)
    with st.container(horizontal=True, gap="xsmall"):
        for verdict, key in KEYS.items():
            st.button(
                # A label that breaks at its hyphen takes two lines where the bar could take them.
                FINDINGS[verdict].capitalize().replace("-", NON_BREAKING_HYPHEN),
                # Of this study alone: a key pressed twice must not give a finding on the next image, which nobody has
                # seen.
                key=f"triage.verdict.{key}.{shown.current}",
                shortcut=key,
                disabled=reader is None,
                on_click=_judge,
                args=(desk, study, reader, verdict, note_key(shown), onwards),
            )
    if reader is None:
        st.caption(tr(":material/person: Set your reader name in the sidebar to give a finding."))
    if problem := st.session_state.pop(PROBLEM, None):
        st.error(problem, icon=":material/error:")
    elif said := st.session_state.get(SAID):
        st.caption(said)


def note_field(shown: ShownStudies, reader: str | None) -> None:
    """Ask for the note that the next finding on this study is saved with."""
    st.text_input(
        tr("Note"),
        key=note_key(shown),
        max_chars=LONGEST_NOTE,
        icon=":material/edit_note:",
        placeholder=tr("Note, saved with your finding"),
        label_visibility="collapsed",
        disabled=reader is None,
    )


def note_key(shown: ShownStudies) -> str:
    """Return the name under which a study's note is kept until its verdict."""
    return f"triage.note.{shown.current}"


def verdicts_side_by_side(desk: Desk, study: str, reader: str | None) -> None:
    """Show what readers said; others' verdicts stay hidden until one's own is given, so that a second is a second."""
    rows = current_verdicts(desk, study)
    others = [row for row in rows if row.reader != reader]
    if not rows:
        return
    if len(others) == len(rows):
        st.caption(
            tr_n(
                ":material/visibility_off: {n} reader has read this study; shown once you have, too.",
                ":material/visibility_off: {n} readers have read this study; shown once you have, too.",
                len(others),
            )
        )
        return
    for column, row in zip(st.columns(min(len(rows), 4)) * (1 + len(rows) // 4), rows, strict=False):
        with column, st.container(border=True):
            st.markdown(f"{FINDING_ICONS[row.verdict]} **{FINDINGS[row.verdict].capitalize()}**")
            st.caption(f"{plain(row.reader)}, {moment(row.when)}")
            if row.note:
                st.text(row.note)


def _judge(desk: Desk, study: pd.Series, reader: str, verdict: Verdict, note_key: str, onwards: str | None) -> None:
    def judge() -> None:
        give_verdict(desk, int(study["reading_id"]), reader, verdict, st.session_state.get(note_key, ""))
        # The next image is on the screen when this is read.
        st.session_state[SAID] = tr(
            ":material/check: Saved: {finding}, for {file}. Z undoes it.",
            finding=FINDINGS[verdict],
            file=plain(study["file"]),
        )
        open_study(onwards)

    _or_say(judge)


def _undo(desk: Desk, verdict_id: int, reader: str) -> None:
    def undo() -> None:
        row = undo_verdict(desk, verdict_id, reader)
        st.session_state[SAID] = tr(":material/undo: Undone: {finding}.", finding=FINDINGS[row.verdict])
        open_study(row.study)

    _or_say(undo)


def _or_say(work: Callable[[], None]) -> None:
    """What cannot be saved is shown on the page, and the note stays where it was."""
    try:
        work()
    except PneumoDeskError as error:
        st.session_state[PROBLEM] = str(error)
