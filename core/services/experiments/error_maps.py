"""Where a run's model looked on images that it misread; each map is drawn once and kept with the run."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from core.errors import CheckpointError
from core.language import tr
from core.services.desk import Desk
from core.services.evaluation.stored_results import WorstError
from core.services.models.loading import load_predictor
from core.services.models.reading import read_all
from core.services.runs.record import RunRecord
from core.triage.film_reading import FilmReading
from core.triage.heatmap import Heatmap
from core.triage.intake import Candidate


def kept_maps(record: RunRecord, errors: Sequence[WorstError]) -> dict[str, Path]:
    """Return the maps that were drawn already, by content hash."""
    paths = {error.content_hash: _path(record, error) for error in errors}
    return {content: path for content, path in paths.items() if path.is_file()}


def draw_maps(desk: Desk, record: RunRecord, errors: Sequence[WorstError]) -> dict[str, Path]:
    """Return a map for every image that is there, reading those that have none yet.

    Raises CheckpointError if the weights are gone.
    """
    found = kept_maps(record, errors)
    missing = {error.file: error for error in errors if error.path is not None and error.content_hash not in found}
    if not missing:
        return found
    if not record.has_checkpoint:
        raise CheckpointError(
            tr(
                "The weights of {name} are no longer in {folder}, so it cannot be asked where it looked. Its figures "
                "stand: they rest on what it said of each image when it was there.",
                name=record.name,
                folder=record.folder,
            )
        )
    predictor = replace(load_predictor(desk, f"run:{record.id}"), gate=None)
    candidates = [Candidate(error.file, error.path) for error in missing.values() if error.path is not None]
    for reading in read_all(desk, predictor, candidates, check_films=False):
        if not isinstance(reading, FilmReading):
            continue
        heatmap = Heatmap.kept(reading.activation_map)
        if heatmap is not None:
            found[missing[reading.file].content_hash] = heatmap.kept_in(_path(record, missing[reading.file]))
    return found


def _path(record: RunRecord, error: WorstError) -> Path:
    return record.folder / "heatmaps" / f"{(record.checkpoint_hash or '')[:12]}-{error.content_hash[:32]}.png"
