"""`python -m core stress` and `gate`: what a model says of changed images, and of pictures that are none."""

from pathlib import Path
from typing import Annotated

import typer

from core.cli.terminal import print_json, print_sentence, print_table, progress_bar
from core.evaluation.proportions import say_share
from core.language import mark, tr
from core.progress import counted
from core.services.desk import open_desk
from core.services.models.lookup import ACTIVE

COLUMNS = ("stress", "auc", "auc_change", "mean_change", "decisions_changed", "what_was_done")

STAGE = mark("analysing images")

Data = Annotated[Path, typer.Option("--data", help=tr("The folder of the dataset."))]
Model = Annotated[str, typer.Option("--model", help=tr("starter, run:RUN, ensemble:NAME, imported:NAME or a folder."))]
Split = Annotated[
    str,
    typer.Option(
        "--split",
        help=tr(
            "validation, calibration or holdout (the model's own), NAME/FOLD of a saved split, train, val, test, all."
        ),
    ),
]
Json = Annotated[bool, typer.Option("--json", help=tr("Print one JSON document on standard output and nothing else."))]


def stress(data: Data, model: Model = ACTIVE, split: Split = "validation", as_json: Json = False) -> None:
    """Read a split as it is and re-encoded, resized, blurred, turned, cropped and covered, and say what changes."""
    # Reading needs the engine, which `--help` need not wait for.
    from core.evaluation.catalogue import METRIC
    from core.services.evaluation.film_selection import FilmChoice
    from core.services.evaluation.robustness import stress_model
    from core.services.evaluation.training_overlap import say_overlap

    choice = FilmChoice(data=data, model=model, split=split)
    with progress_bar() as bar:
        report = stress_model(open_desk(), choice, counted(STAGE, bar.show))
    if as_json:
        print_json(report.model_dump(mode="json"))
        return
    rows = [
        {
            "stress": result.name,
            "auc": METRIC["auc"].say(result.auc),
            "auc_change": "–" if result.auc_change is None else f"{result.auc_change:+.4f}",
            "mean_change": f"{result.mean_abs_probability_change:.4f}",
            "decisions_changed": f"{result.num_flips} ({say_share(result.decision_flips)})",
            "what_was_done": result.description,
        }
        for result in report.stresses.values()
    ]
    print_table(rows, COLUMNS, "")
    print_sentence(
        tr(
            "{n} images of the split {split} with {model}; as they are: AUC {auc}, computed by {engine}.",
            n=report.n,
            split=split,
            model=report.model,
            auc=METRIC["auc"].say(report.auc),
            engine=report.engine,
        )
    )
    if said := say_overlap(report.num_training_images, report.n):
        print_sentence(said)


GATE_COLUMNS = ("kind", "pictures", "stopped", "95% interval", "by_gate", "as_turned", "under_review", "unnoticed")


def gate(
    data: Data,
    model: Model = ACTIVE,
    split: Split = "validation",
    elsewhere: Annotated[
        Path | None, typer.Option("--elsewhere", help=tr("Folder of upright chest images of another hospital."))
    ] = None,
    photographs: Annotated[
        Path | None,
        typer.Option("--photographs", help=tr("Folder of photographs and other pictures that are no chest images.")),
    ] = None,
    num_films: Annotated[
        int, typer.Option("--films", min=1, help=tr("How many images of the split are turned, cut, covered and so on."))
    ] = 100,
    as_json: Json = False,
) -> None:
    """Measure what is stopped of pictures that are no upright chest images, and of a split's images.

    `unnoticed` counts altered images that are neither stopped nor put under review and have another finding.
    """
    from core.services.evaluation.film_selection import FilmChoice
    from core.services.evaluation.gate_by_kind import measure_gate_by_kind

    choice = FilmChoice(data=data, model=model, split=split)
    with progress_bar() as bar:
        result = measure_gate_by_kind(open_desk(), choice, num_films, elsewhere, photographs, bar.show)
    if as_json:
        print_json(result.model_dump(mode="json"))
        return
    rows = [
        {
            "kind": tr(kind),
            "pictures": found.num_pictures,
            "stopped": f"{found.num_stopped} ({say_share(found.stopped)})",
            "95% interval": tr(
                "{low} to {high}", low=say_share(found.stopped_ci[0]), high=say_share(found.stopped_ci[1])
            ),
            "by_gate": found.num_stopped_by_gate,
            "as_turned": found.num_turned,
            "under_review": found.num_reviewed,
            "unnoticed": "–" if found.num_changed is None else found.num_changed,
        }
        for kind, found in {tr("all other pictures"): result.other_pictures, **result.kinds}.items()
    ]
    print_table(rows, GATE_COLUMNS, "")
    print_sentence(
        tr(
            "{model}, limit {threshold:.2f}; images of the split {split}. Inverted images count apart. Intervals take "
            "each picture for itself.",
            model=result.model,
            threshold=result.threshold,
            split=result.split,
        )
    )
