"""The model card as a file: self-contained HTML, Markdown, JSON."""

import json
from enum import StrEnum
from functools import lru_cache
from html import escape
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from core.language import current_language, tr
from core.services.registry.card_document import ModelDocument

TEMPLATES = Path(__file__).with_name("templates")


class CardFormat(StrEnum):
    """As what a card leaves the desk."""

    HTML = "html"
    MARKDOWN = "md"
    JSON = "json"


def render_card(document: ModelDocument, kind: CardFormat) -> str:
    """Return a card as text; names and notes are in it as they are and are never markup."""
    if kind is CardFormat.JSON:
        return json.dumps(document.document(), indent=1, ensure_ascii=False) + "\n"
    active = tr("The active model of its desk.") if document.is_active else tr("Not the active model of its desk.")
    return (
        _environment()
        .get_template(f"model_card.{kind.value}.j2")
        .render(
            card=document,
            language=current_language(),
            title=tr("Model card: {model}", model=document.model),
            status=active,
            notice=tr(document.notice),
        )
    )


@lru_cache(maxsize=1)
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=lambda name: bool(name and name.endswith(".html.j2")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["as_text"] = _as_text
    return made


def _as_text(value: str) -> str:
    """Return text on one line in which every sign that Markdown or HTML would take for its own is escaped."""
    plain = escape(" ".join(value.split()), quote=False)
    return "".join(f"\\{letter}" if letter in "\\`*_[]|~!" else letter for letter in plain)
