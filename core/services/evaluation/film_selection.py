"""Which labelled images a model is tried on: a folder of a dataset, a fold of the model's own split, or all."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from core.dataset.manifest import Cohort
from core.errors import EvaluationError
from core.language import mark, tr
from core.services.datasets.splits import files_of_fold
from core.services.desk import Desk
from core.services.evaluation.predictions import ALL, OWN_FOLDS
from core.services.models.lookup import ACTIVE, model_folder
from core.services.models.training_folds import split_table


class FilmChoice(BaseModel):
    """A model, and images of a dataset."""

    model_config = ConfigDict(frozen=True)

    data: Path = Field(description=mark("The folder of the dataset."))
    model: str = Field(
        default=ACTIVE,
        description=mark("`active`, `starter`, `run:RUN`, `ensemble:NAME`, `imported:NAME` or a folder."),
    )
    split: str = Field(
        default="validation",
        description=mark(
            "validation, calibration or holdout of the model's own split, NAME/FOLD of a saved split, a folder of the "
            "dataset (train, val, test), or all."
        ),
    )


def chosen_films(desk: Desk, cohort: Cohort, choice: FilmChoice) -> list[str]:
    """Return the labelled, readable images that are meant; raises EvaluationError if there are none.

    Raises InputNotFoundError and CohortError for a saved split that is not there or was saved for other images.
    """
    if "/" in choice.split:
        return files_of_fold(desk, cohort, choice.split)
    table = split_table(model_folder(desk, choice.model)) if choice.split in OWN_FOLDS else None
    if table is None:
        films = cohort.select(None if choice.split == ALL else choice.split)
    else:
        films = cohort.select()
        films = films[films["file"].isin(table.loc[table["fold"] == choice.split, "file"])]
    films = films[films["label"].notna()]
    if films.empty:
        folders = sorted(set(cohort.manifest["split"].dropna()))
        raise EvaluationError(
            tr(
                "There are no labelled images of {split!r} in {data}. It has the folders {folders}; `all` takes every "
                "image, `validation` and `calibration` those that the model was not fitted to, where they lie in this "
                "dataset.",
                split=choice.split,
                data=choice.data,
                folders=", ".join(folders) or tr("of no split"),
            )
        )
    return list(films["file"])
