"""The audit log on a page: filtered, and taken along as CSV."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pandas as pd
import streamlit as st

from core.language import tr
from core.services.desk import Desk
from core.services.desk.audit_trail import (
    AuditAction,
    AuditFilter,
    action_in_words,
    count_events,
    detail_in_words,
    events_to_csv,
    export_trail,
    list_actors,
    list_events,
)
from core.ui.reader_name.component import current_reader
from core.ui.words import moment

MOST_ROWS = 500


def audit_view(desk: Desk) -> None:
    """Show who did what when, newest first."""
    st.caption(tr("Who did what when. The database itself refuses to change or delete a line. Names are no logins."))
    asked = _filters(desk)
    events = list_events(desk, asked)
    count = count_events(desk, asked)
    if not events:
        st.caption(tr("Nothing in the trail matches."))
        return
    st.dataframe(
        pd.DataFrame(
            [
                {
                    tr("When"): moment(event.when),
                    tr("Who"): event.who,
                    tr("What"): action_in_words(event.action),
                    tr("On"): event.subject,
                    tr("Detail"): detail_in_words(event.detail),
                }
                for event in events
            ]
        ),
        hide_index=True,
        height=560,
        column_config={tr("Detail"): st.column_config.TextColumn(width="large")},
        alt=tr("Audit log, newest first"),
    )
    shown = (
        tr("The newest {num_events:,} of {count:,} lines", num_events=len(events), count=count)
        if count > len(events)
        else tr("{count:,} lines", count=count)
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(tr("{shown}. The CSV has all that match; its times are UTC.", shown=shown))
        reader = current_reader()
        st.download_button(
            "CSV",
            lambda: events_to_csv(export_trail(desk, asked, reader)),
            file_name="audit-trail.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )


def _filters(desk: Desk) -> AuditFilter:
    who, what, when, search = st.columns(4)
    actor = who.selectbox(
        tr("Who"), ["", *list_actors(desk)], format_func=lambda name: name or tr("Anybody"), key="audit.who"
    )
    actions = what.multiselect(
        tr("What"), list(AuditAction), format_func=action_in_words, placeholder=tr("Anything"), key="audit.what"
    )
    nothing: Any = ()
    days = when.date_input(tr("When"), value=nothing, key="audit.when")
    sought = search.text_input(tr("Search"), placeholder=tr("In file or batch names"), key="audit.search")
    since, until = _range(days)
    return AuditFilter(actor, tuple(actions), since, until, sought, MOST_ROWS)


def _range(days: Any) -> tuple[datetime | None, datetime | None]:
    """Return the first moment and the one after the last, in the server's own time zone."""
    chosen = [datetime.combine(day, time()).astimezone(UTC) for day in (days if isinstance(days, tuple) else (days,))]
    if not chosen:
        return None, None
    return chosen[0], chosen[-1] + timedelta(days=1)
