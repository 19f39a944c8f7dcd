"""One model's card on the page, and as files."""

import streamlit as st

from core.language import mark, tr
from core.services.desk import Desk
from core.services.registry.card_document import Section
from core.services.registry.card_files import CardFormat, render_card
from core.services.registry.model_card import describe_model
from core.services.registry.zip_archive import export_bytes
from core.ui.plain_text import plain
from core.ui.reader_name.component import current_reader
from core.ui.visits import is_first_look

FILES = {
    CardFormat.HTML: (mark("Card as HTML"), "text/html", ":material/html:"),
    CardFormat.MARKDOWN: (mark("Card as Markdown"), "text/markdown", ":material/markdown:"),
    CardFormat.JSON: (mark("Card as JSON"), "application/json", ":material/data_object:"),
}


def card_view(desk: Desk, model: str) -> None:
    """Show the card with buttons that write it to a file."""
    document = describe_model(desk, model, record=is_first_look("card", model))
    with st.container(horizontal=True):
        for kind, (label, mime, icon) in FILES.items():
            st.download_button(
                tr(label),
                lambda kind=kind: render_card(document, kind),
                file_name=f"{document.model.replace(':', '-')}.{kind.value}",
                mime=mime,
                icon=icon,
                on_click="ignore",
                key=f"models.card.{kind.value}",
            )
        st.download_button(
            tr("Whole model as zip"),
            lambda: export_bytes(desk, document.model, current_reader()),
            file_name=f"{document.model.replace(':', '-')}.zip",
            mime="application/zip",
            icon=":material/folder_zip:",
            on_click="ignore",
            key="models.zip",
            help=tr("Weights, card and file hashes, for import on another desk."),
        )
    for section in document.sections:
        _section(section)


def _section(section: Section) -> None:
    with st.container(border=True):
        st.markdown(f"**{section.title}**")
        for sentence in section.sentences:
            st.markdown(plain(sentence))
        if section.table is not None:
            st.dataframe(
                [dict(zip(section.table.columns, row, strict=True)) for row in section.table.rows],
                hide_index=True,
                key=f"models.section.{section.title}",
                alt=section.title,
            )
