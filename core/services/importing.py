"""Models that come from elsewhere."""

from pathlib import Path

from core.errors import SettingsError
from core.model.card import ModelCard


def import_original_model(path: Path, folder: Path, name: str) -> ModelCard:
    """Convert the original study's `pneumonia_model.pth` to a checkpoint folder that `--model` can name.

    It comes without calibration, operating point or gate. Raises CheckpointError for any other file, of which nothing
    is run, and SettingsError rather than overwrite a folder that is not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SettingsError(f"{folder} is not empty. Name a new folder for the imported model.")
    from core.model.loading import import_original_study

    return import_original_study(path, folder, name).card
