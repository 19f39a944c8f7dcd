"""`python -m core stress`: how far a model's answers move when its films are changed."""

from pathlib import Path
from typing import Annotated

import typer

from core.cli.terminal import print_json, print_sentence, print_table, progress_bar
from core.services.desk import open_desk

COLUMNS = ("stress", "auc", "AUC change", "mean |Δp|", "decisions changed", "what was done")


def stress(
    data: Annotated[Path, typer.Option("--data", help="The folder of the cohort.")],
    model: Annotated[str, typer.Option("--model", help="starter, run:RUN, ensemble:NAME or a folder.")] = "starter",
    split: Annotated[
        str,
        typer.Option("--split", help="validation or calibration (the model's own), train, val, test, or all."),
    ] = "validation",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document on standard output and nothing else.")
    ] = False,
) -> None:
    """Read a split as it is and re-encoded, resized, blurred, turned, cropped and covered, and say what changes."""
    # Reading needs the engine, which `--help` need not wait for.
    from core.services.stress import StressRequest, stress_model

    request = StressRequest(data=data, model=model, split=split)
    with progress_bar() as bar:
        report = stress_model(open_desk(), request, lambda done, count: bar.show("reading films", done, count))
    if as_json:
        print_json(report.model_dump(mode="json"))
        return
    rows = [
        {
            "stress": result.name,
            "auc": "–" if result.auc is None else f"{result.auc:.4f}",
            "AUC change": "–" if result.auc_change is None else f"{result.auc_change:+.4f}",
            "mean |Δp|": f"{result.mean_abs_probability_change:.4f}",
            "decisions changed": f"{result.num_flips} ({result.decision_flips:.1%})",
            "what was done": result.description,
        }
        for result in report.stresses.values()
    ]
    print_table(rows, COLUMNS, "")
    clean = "undefined" if report.auc is None else f"{report.auc:.4f}"
    print_sentence(f"{report.n} films of {split!r} with {report.model}; as they are: AUC {clean}.")
