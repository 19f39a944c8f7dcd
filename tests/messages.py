"""Collect all sentences for translators, and compile what they translated: `python -m tests.messages`."""

from enum import Enum
from pathlib import Path
from typing import get_args

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from core.cli.commands import app
from core.cli.help_texts import documented
from core.reason_words import REASON_WORDS
from core.services.desk.audit_trail import AuditAction
from core.services.sweeps.request import Pruning
from core.training.config import TrainingConfig
from core.ui.config_form import words

ROOT = Path(__file__).resolve().parents[1]
LOCALES = ROOT / "core" / "locales"
TEMPLATE = LOCALES / "messages.pot"
KEYWORDS = {"tr": None, "tr_n": (1, 2), "mark": None, "plural_forms": (1, 2)}
HEADER = "# Every sentence of PneumoDesk that a person may read; made by `make messages`.\n"


def collect() -> Catalog:
    """Return every message of the code, without the places it stands at: those change with each line."""
    catalog = Catalog(project="PneumoDesk", header_comment=HEADER)
    for message in field_words():
        catalog.add(message)
    for folder in ("core", "db", "pages"):
        for _, _, message, _, _ in extract_from_dir(
            ROOT / folder, method_map=[("**.py", "python")], options_map={}, keywords=KEYWORDS
        ):
            catalog.add(message)
    return catalog


def field_words() -> set[str]:
    """Return what no call of `tr` names: words of reasons and actions, and of fields, made of the names in the code."""
    messages = {str(action) for action in AuditAction} | documented(app)
    for field in TrainingConfig.model_fields.values():
        extra = field.json_schema_extra
        messages |= {extra["group"], extra["unit"]} if isinstance(extra, dict) else set()
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, Enum):
                messages |= {words(one.value) for one in kind}
    messages |= {sentence for sentence in REASON_WORDS.values() if isinstance(sentence, str)} - {"{sentence}"}
    messages |= {words(name) for name in TrainingConfig.model_fields}
    messages |= {words(one.value) for one in Pruning}
    return messages - {""}


def read_template() -> Catalog:
    """Return the messages that translators work from."""
    with TEMPLATE.open("rb") as file:
        return read_po(file)


def translated() -> list[Path]:
    """Return the catalogue of each language there is."""
    return sorted(LOCALES.glob("*/LC_MESSAGES/messages.po"))


def compile_catalogue(catalog: Catalog, path: Path) -> None:
    """Write a catalogue as gettext reads it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_mo(file, catalog)


def main() -> None:
    LOCALES.mkdir(exist_ok=True)
    with TEMPLATE.open("wb") as file:
        # The header would change with every run.
        write_po(file, collect(), width=120, omit_header=True, sort_output=True)
    for path in translated():
        with path.open("rb") as file:
            catalog = read_po(file, locale=path.parts[-3])
        compile_catalogue(catalog, path.with_suffix(".mo"))


if __name__ == "__main__":
    main()
