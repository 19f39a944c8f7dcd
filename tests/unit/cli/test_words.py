"""Commands speak the desk's language: their help, their columns, what they are doing."""

from pathlib import Path

import pytest
import typer
from babel.messages.catalog import Catalog
from typer.testing import CliRunner

from core import language
from core.cli.column_words import column_in_words
from core.cli.commands import app
from core.cli.help_texts import documented, translate_help
from core.result_words import stage_in_words
from tests.messages import compile_catalogue


@pytest.fixture
def spanish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = Catalog(locale="es")
    for message, translated in (
        ("Say hello.", "Saluda."),
        ("Say it twice.", "Dilo dos veces."),
        ("AI result", "Resultado de la IA"),
        ("run id", "ejecución"),
        ("analysing", "analizando"),
    ):
        catalog.add(message, translated)
    compile_catalogue(catalog, tmp_path / "es" / "LC_MESSAGES" / "messages.mo")
    monkeypatch.setattr(language, "LOCALES", tmp_path)
    monkeypatch.setenv("PNEUMODESK_LANGUAGE", "es")


def small_app() -> typer.Typer:
    """Two commands, one of them in a group."""
    group, outer = typer.Typer(), typer.Typer()

    @outer.command()
    def hello() -> None:
        """Say hello."""

    @group.command()
    def twice() -> None:
        """Say it twice."""

    outer.add_typer(group, name="more")
    return outer


@pytest.mark.usefixtures("spanish")
def test_help_of_commands_and_groups_is_translated() -> None:
    """What a docstring says is shown in the desk's language."""
    made = small_app()
    translate_help(made)
    assert "Saluda." in CliRunner().invoke(made, ["--help"]).output
    assert "Dilo dos veces." in CliRunner().invoke(made, ["more", "--help"]).output
    assert documented(made) == {"Say hello.", "Say it twice."}


def test_every_command_says_what_it_does() -> None:
    """Translators get one text for each command; none is without."""
    assert len(documented(app)) > 50
    assert "List all training runs, newest first." in CliRunner().invoke(app, ["runs", "--help"]).output


@pytest.mark.usefixtures("spanish")
def test_columns_and_stages_are_words() -> None:
    """A name that is stored stays as it is; what is shown of it is translated, and an unknown one is shown."""
    assert [column_in_words(name) for name in ("ai_result", "run_id", "resnet18")] == [
        "Resultado de la IA",
        "ejecución",
        "resnet18",
    ]
    assert [stage_in_words(stage) for stage in ("reading", "rotated images")] == ["analizando", "rotated images"]


def test_columns_say_images_and_ranges() -> None:
    """Names of older days are not what is read."""
    assert [column_in_words(name) for name in ("films", "uncertain_low", "cohort_fingerprint", "ai_score")] == [
        "images",
        "indeterminate from",
        "dataset fingerprint",
        "AI score",
    ]
