"""Models that come from elsewhere."""

from pathlib import Path

from core.errors import SettingsError
from core.model.card import ModelCard
from core.services.desk import Desk
from core.services.model_archive import fill_from, take_in

STATE_DICT_ENDINGS = (".pth", ".pt")


def import_model(desk: Desk, path: Path, name: str, actor: str | None = None) -> ModelCard:
    """Take a model's zip or folder, or the original study's `pneumonia_model.pth`, into the desk as `imported:NAME`.

    The original study's comes without calibration, operating point or gate. Raises CheckpointError in a sentence for
    anything else, of which nothing is run; then nothing was taken in.
    """
    if path.suffix.lower() in STATE_DICT_ENDINGS:
        return take_in(desk, name, lambda made: _convert(path, made, name), actor)
    return take_in(desk, name, lambda made: fill_from(desk, path, made), actor)


def write_original_model(path: Path, folder: Path, name: str) -> ModelCard:
    """Convert the original study's `pneumonia_model.pth` to a checkpoint folder that `--model` can name.

    Raises CheckpointError for any other file, and SettingsError rather than overwrite a folder that is not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SettingsError(f"{folder} is not empty. Name a new folder for the imported model.")
    return _convert(path, folder, name)


def _convert(path: Path, folder: Path, name: str) -> ModelCard:
    from core.model.loading import import_original_study

    return import_original_study(path, folder, name).card
