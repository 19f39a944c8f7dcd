"""Commands about models: which there are, which one reads, how a run's becomes a version of a named model."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from core.cli.choosing import CostRatio, PointNamed, RuleKindOption, Target, rule_of, show_chosen
from core.cli.terminal import print_json, print_table, progress_bar, write_text
from core.evaluation.operating_point import RuleKind
from core.language import tr
from core.progress import counted
from core.services.desk import open_desk

app = typer.Typer(help=tr("Models that can analyse images."), no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help=tr("Print one JSON document on standard output and nothing else."))]
Reference = Annotated[str, typer.Argument(help=tr("NAME@VERSION of a promoted model."))]
Who = Annotated[str, typer.Option("--by", help=tr("Who does it, for the audit log."))]


@app.command("list")
def list_all(as_json: Json = False) -> None:
    """List the models that `--model` can name; the active one reads where none is named."""
    from core.services.models.lookup import active_model, list_models

    desk = open_desk()
    active = active_model(desk)
    rows = [
        {
            "name": model.name,
            "active": model.name == active,
            "architecture": model.architecture,
            "checkpoint_hash": model.checkpoint_hash,
            "run_id": model.run_id,
            "operating_point": model.operating_point.name if model.operating_point else None,
            "threshold": model.operating_point.threshold if model.operating_point else None,
            "folder": str(model.folder),
        }
        for model in list_models(desk)
    ]
    if as_json:
        print_json(rows)
        return
    shown = [{**row, "active": tr("active") if row["active"] else ""} for row in rows]
    columns = ("name", "active", "architecture", "checkpoint_hash", "operating_point", "threshold")
    print_table(shown, columns, tr("There are no models yet."))


@app.command()
# One parameter for each option, as Typer reads them.
def promote(
    source: Annotated[
        str, typer.Argument(help=tr("`run:RUN`, `ensemble:NAME`, `imported:NAME`, `starter` or a folder."))
    ],
    name: Annotated[str, typer.Argument(help=tr("The model's name; this becomes its next version."))],
    operating_point: Annotated[
        str,
        typer.Option("--operating-point", help=tr("NAME or NAME@VERSION kept for it; the card's own if not given.")),
    ] = "",
    notes: Annotated[str, typer.Option("--notes", help=tr("Why it was promoted."))] = "",
    intended_use: Annotated[
        str,
        typer.Option("--intended-use", help=tr("For which patients, ages and sites it is meant; stands on its card.")),
    ] = "",
    limits: Annotated[
        list[str] | None, typer.Option("--limit", help=tr("A limit for its card; may be repeated."))
    ] = None,
    by: Who = "",
    as_json: Json = False,
) -> None:
    """Make a model the next version of a named one, with an operating point, for good; it is not yet active."""
    from core.services.registry.promotion import PromoteRequest
    from core.services.registry.promotion import promote as promote_model

    request = PromoteRequest(
        source=source,
        name=name,
        operating_point=operating_point,
        notes=notes,
        intended_use=intended_use,
        limits=tuple(limits or ()),
    )
    made = promote_model(open_desk(), request, by or None)
    if as_json:
        print_json(made.document())
        return
    point = made.operating_point
    typer.echo(
        tr(
            "{model} ({checkpoint_hash}) is created from {source}: operating point {operating_point}, threshold "
            "{threshold:.4f}, chosen on {chosen_on}. `models activate {model}` makes it the active model.",
            model=made.reference,
            checkpoint_hash=made.checkpoint_hash[:12],
            source=made.source,
            operating_point=point.name,
            threshold=point.threshold,
            chosen_on=point.chosen_on,
        )
    )


@app.command("choose-point")
# One parameter for each option, as Typer reads them.
def choose_point(
    model: Annotated[str, typer.Argument(help=tr("A model, as `models list` names it."))],
    name: PointNamed,
    rule: RuleKindOption = RuleKind.YOUDEN,
    target: Target = 0.95,
    cost_ratio: CostRatio = 5.0,
    data: Annotated[Path | None, typer.Option("--data", help=tr("A folder of images to read for it."))] = None,
    split: Annotated[
        str,
        typer.Option("--split", help=tr("validation, calibration, both, or NAME/FOLD of a saved split.")),
    ] = "validation",
    as_json: Json = False,
) -> None:
    """Choose an operating point of any model, also an ensemble or an imported one; it is kept under its name."""
    from core.services.evaluation.threshold_selection import choose_model_point

    asked = rule_of(rule, target, cost_ratio)
    with progress_bar() as bar:
        chosen = choose_model_point(
            open_desk(),
            model,
            asked,
            name,
            split=split,
            data=data,
            on_count=counted("reading", bar.show),
        )
    show_chosen(chosen, as_json=as_json)


@app.command()
def activate(
    model: Annotated[str, typer.Argument(help=tr("NAME@VERSION, or `starter` for the bundled model."))],
    by: Who = "",
    as_json: Json = False,
) -> None:
    """Make a version the one that reads wherever no model is named."""
    from core.services.registry.activation import activate as set_active

    made = set_active(open_desk(), model, by or None)
    print_json(asdict(made)) if as_json else typer.echo(tr("{model} is the active model now.", model=made.model))


@app.command()
def rollback(by: Who = "", as_json: Json = False) -> None:
    """Make the formerly active model the active one again."""
    from core.services.registry.activation import roll_back

    made = roll_back(open_desk(), by or None)
    print_json(asdict(made)) if as_json else typer.echo(tr("{model} is the active model again.", model=made.model))


@app.command()
def history(as_json: Json = False) -> None:
    """List the changes of the active model, newest first."""
    from core.services.registry.activation import list_activations

    rows = [asdict(one) for one in list_activations(open_desk())]
    columns = ("created_at", "model", "kind", "actor")
    print_json(rows) if as_json else print_table(rows, columns, tr("The bundled model has always been active."))


@app.command()
def archive(reference: Reference, by: Who = "", as_json: Json = False) -> None:
    """Take a version that is not active out of the lists; `models restore` brings it back."""
    from core.services.registry.activation import archive_version

    made = archive_version(open_desk(), reference, by or None)
    print_json(made.document()) if as_json else typer.echo(
        tr("{model} is archived. Its files are kept.", model=reference)
    )


@app.command()
def restore(reference: Reference, by: Who = "", as_json: Json = False) -> None:
    """Take a version out of the archive."""
    from core.services.registry.activation import restore_version

    made = restore_version(open_desk(), reference, by or None)
    print_json(made.document()) if as_json else typer.echo(tr("{model} is in the lists again.", model=reference))


@app.command()
def compare(
    models: Annotated[list[str], typer.Argument(help=tr("Two to eight models, as `models list` names them."))],
    as_json: Json = False,
) -> None:
    """Show models side by side: figures with 95 % intervals, differing settings, paired tests against the first."""
    from core.services.registry.comparison import compare_models

    found = compare_models(open_desk(), models)
    if as_json:
        print_json(found.document())
        return
    print_table(list(found.figures), ("figure", *found.models), tr("No figures are stored of these models."))
    settings = [
        {"setting": name, **{model: str(value) for model, value in zip(found.models, values, strict=True)}}
        for name, values in found.config_differences.items()
    ]
    print_table(settings, ("setting", *found.models), tr("They were made with the same settings."))
    for sentence in (*found.words, *found.notes):
        typer.echo(sentence)


@app.command()
def card(
    model: Annotated[str, typer.Argument(help=tr("A model, as `models list` names it."))],
    out: Annotated[Path | None, typer.Option("--out", help=tr("Write it to this file: .html or .md."))] = None,
    as_json: Json = False,
) -> None:
    """Show a model's card, from stored facts alone, or write it as a file."""
    from core.services.registry.card_files import CardFormat, render_card
    from core.services.registry.model_card import describe_model

    document = describe_model(open_desk(), model)
    if out is not None:
        kind = CardFormat.HTML if out.suffix.lower() == ".html" else CardFormat.MARKDOWN
        write_text(out, render_card(document, kind))
    if as_json:
        print_json(document.document())
    elif out is None:
        typer.echo(render_card(document, CardFormat.MARKDOWN))
    else:
        typer.echo(tr("The card of {model} is in {file}.", model=document.model, file=out))
