"""Commands that bring models in and out of a desk as files."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from core.cli.models import Json, Who, app
from core.cli.terminal import print_json
from core.evaluation.proportions import say_fraction, say_share
from core.language import tr
from core.services.desk import open_desk


@app.command("export")
def export(
    model: Annotated[str, typer.Argument(help="`run:RUN` or `ensemble:NAME`.")],
    folder: Annotated[Path, typer.Argument(help=tr("Where to write the checkpoint, its card and the run's record."))],
    name: Annotated[str | None, typer.Option("--name", help=tr("What the exported model is called."))] = None,
    data: Annotated[Path | None, typer.Option("--data", help=tr("Folder of the dataset it was trained on."))] = None,
    pictures: Annotated[
        Path | None,
        typer.Option("--pictures", help=tr("Folder of pictures that are no chest images: measures the gate.")),
    ] = None,
    pictures_description: Annotated[
        str, typer.Option("--pictures-description", help=tr("What those pictures are, for the card."))
    ] = "",
    origin: Annotated[
        str,
        typer.Option("--origin", help=tr("Where a file of first weights came from, with its licence, for the card.")),
    ] = "",
) -> None:
    """Copy a run's model to a folder with the run's record, and measure its gate."""
    from core.services.registry.folder_export import export_model

    card = export_model(
        open_desk(),
        model,
        folder,
        name=name,
        data=data,
        pictures=pictures,
        pictures_description=pictures_description,
        origin=origin,
    )
    typer.echo(
        tr(
            "{model} ({checkpoint_hash}) is in {folder}.",
            model=card.name,
            checkpoint_hash=card.weights_hash[:12],
            folder=folder,
        )
    )
    if card.gate is not None and card.gate.roc is not None:
        roc = card.gate.roc
        typer.echo(
            tr(
                "Its gate stops {pictures_stopped} of {num_pictures} other pictures and {images_stopped} of "
                "{num_images} images (AUC {auc}).",
                pictures_stopped=say_share(roc["pictures_stopped"]),
                num_pictures=roc["num_pictures"],
                images_stopped=say_share(roc["films_stopped"]),
                num_images=roc["num_films"],
                auc=say_fraction(roc["auc"], 4),
            )
        )


@app.command()
def pack(
    model: Annotated[str, typer.Argument(help=tr("A model, as `models list` names it."))],
    file: Annotated[Path, typer.Argument(help=tr("The zip to write."))],
    by: Who = "",
    as_json: Json = False,
) -> None:
    """Write a model whole into one zip that another desk can import: weights, card, the hash of every file."""
    from core.services.registry.zip_archive import export_archive

    made = export_archive(open_desk(), model, file, by or None)
    print_json({"file": str(made)}) if as_json else typer.echo(tr("{model} is in {file}.", model=model, file=made))


@app.command()
def onnx(
    model: Annotated[str, typer.Argument(help=tr("A model, as `models list` names it."))],
    file: Annotated[Path, typer.Argument(help=tr("The .onnx to write; its card is written beside it."))],
    by: Who = "",
    as_json: Json = False,
) -> None:
    """Write a model as ONNX, if ONNX Runtime gives the same logits on synthetic images."""
    from core.services.registry.onnx_export import export_onnx

    made = export_onnx(open_desk(), model, file, by or None)
    if as_json:
        print_json(asdict(made))
        return
    typer.echo(
        tr(
            "{model} is in {file}. Largest difference of a logit on {num_images} synthetic images, {runtime} against "
            "torch: {largest_difference:.2g} (allowed {tolerance:g}).",
            model=made.model,
            file=made.file,
            num_images=made.num_films,
            runtime=made.runtime,
            largest_difference=made.largest_difference,
            tolerance=made.tolerance,
        )
    )


@app.command("import")
def import_model(
    path: Annotated[
        Path, typer.Argument(help=tr("A model's zip or folder, or the original study's pneumonia_model.pth."))
    ],
    folder: Annotated[
        Path | None, typer.Argument(help=tr("For a .pth: a new folder for the checkpoint instead of this desk."))
    ] = None,
    name: Annotated[str, typer.Option("--name", help=tr("What the model is called."))] = "original-study",
    by: Who = "",
    as_json: Json = False,
) -> None:
    """Import a model: nothing in the file is run, and every hash is checked."""
    from core.services.registry.zip_archive import import_model as import_archive
    from core.services.registry.zip_archive import write_original_model

    if folder is not None:
        card, used = write_original_model(path, folder, name), str(folder)
    else:
        card, used = import_archive(open_desk(), path, name, by or None), f"imported:{name}"
    if as_json:
        print_json({"model": used, "card": card.model_dump(mode="json")})
        return
    typer.echo(
        tr(
            "{model} ({checkpoint_hash}) is imported: use it as --model {used}.",
            model=card.name,
            checkpoint_hash=card.weights_hash[:12],
            used=used,
        )
    )
    if card.operating_point is None:
        typer.echo(tr("It has no gate and no operating point: its threshold is 0.5, which no data chose."))
