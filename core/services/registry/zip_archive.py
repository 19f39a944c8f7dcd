"""A model as one zip: weights, card and the hash of every file; taken in again only if every hash holds.

Nothing in such a zip is ever run: weights are safetensors, all else is JSON, CSV and text, and any other file is
refused.
"""

import hashlib
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from core.errors import CheckpointError, InputNotFoundError, SettingsError, UnreadableFileError
from core.language import tr
from core.model.card import ModelCard
from core.model.checkpoint import read_card
from core.model.ensemble import load_model
from core.services.desk import Desk
from core.services.desk.audit_trail import AuditAction, record_event
from core.services.models.kept_cards import keep_card
from core.services.models.lookup import IMPORTED, VERSION_NAME, find_model, model_folder, resolve_model
from core.services.registry.card_files import CardFormat, render_card
from core.services.registry.facts import FACTS_FILE, model_facts, read_facts
from core.services.registry.model_card import describe_model
from core.services.registry.shown_figures import count_card_looks
from core.triage.archives import directory_of, member_name, problem_of, write_member

HASHES_FILE = "hashes.json"
MODEL_FILE = re.compile(
    r"(members/[1-9]\d?/)?(weights\.safetensors|gate\.safetensors|card\.json|ensemble\.json|run\.json|split\.csv|facts\.json)"
)
CARD_PAGES = {"model_card.html": CardFormat.HTML, "model_card.md": CardFormat.MARKDOWN}
MOST_FILES = 64
STATE_DICT_ENDINGS = (".pth", ".pt")


def write_original_model(path: Path, folder: Path, name: str) -> ModelCard:
    """Convert the original study's `pneumonia_model.pth` to a checkpoint folder that `--model` can name.

    Raises CheckpointError for any other file, and SettingsError rather than overwrite a folder that is not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SettingsError(tr("{folder} is not empty. Name a new folder for the imported model.", folder=folder))
    return _convert(path, folder, name)


def _convert(path: Path, folder: Path, name: str) -> ModelCard:
    from core.model.loading import import_original_study

    return import_original_study(path, folder, name).card


def export_archive(desk: Desk, model: str, target: Path, actor: str | None = None) -> Path:
    """Write a model, its hashes checked, with its card as HTML and Markdown into a zip, and return the zip."""
    name = resolve_model(desk, model)
    find_model(desk, name)
    folder = model_folder(desk, name)
    card = read_card(folder)
    count_card_looks(desk, card, "exported", model_facts(desk, card, folder).openings)
    document = describe_model(desk, name, record=False)
    hashes = {}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        facts = model_facts(desk, card, folder).model_dump_json(indent=1).encode()
        archive.writestr(FACTS_FILE, facts)
        hashes[FACTS_FILE] = hashlib.sha256(facts).hexdigest()
        for path in sorted(folder.rglob("*")):
            file = path.relative_to(folder).as_posix()
            if path.is_file() and file != FACTS_FILE and MODEL_FILE.fullmatch(file):
                archive.write(path, file)
                with path.open("rb") as stream:
                    hashes[file] = hashlib.file_digest(stream, "sha256").hexdigest()
        for file, kind in CARD_PAGES.items():
            content = render_card(document, kind).encode()
            archive.writestr(file, content)
            hashes[file] = hashlib.sha256(content).hexdigest()
        archive.writestr(HASHES_FILE, json.dumps(hashes, indent=1))
    with desk.transaction() as session:
        record_event(session, actor, AuditAction.EXPORT, name, files=len(hashes), form="zip")
    return target


def export_bytes(desk: Desk, model: str, actor: str | None = None) -> bytes:
    """Return a model as the content of a zip."""
    with tempfile.TemporaryDirectory() as folder:
        return export_archive(desk, model, Path(folder) / "model.zip", actor).read_bytes()


def import_into(desk: Desk, name: str, fill: Callable[[Path], object], actor: str | None = None) -> ModelCard:
    """Take the model that `fill` writes into a new folder into the desk, where `imported:NAME` names it.

    Raises CheckpointError in a sentence if the name is taken or a hash does not hold; then nothing was taken in.
    """
    if not VERSION_NAME.fullmatch(f"{name}@1"):
        raise CheckpointError(tr("A model needs a name of at most 60 letters, digits, dots, dashes or underscores."))
    target = desk.settings.imported / name
    if target.exists():
        raise CheckpointError(tr("A model was imported as {name!r} already. Name this one otherwise.", name=name))
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as temporary:
        made = Path(temporary) / "model"
        fill(made)
        card = load_model(made).card
        read_facts(made, card)
        with desk.transaction() as session:
            record_event(session, actor, AuditAction.UPLOAD, f"{IMPORTED}{name}", checkpoint=card.weights_hash[:12])
            keep_card(session, f"{IMPORTED}{name}", made)
            made.rename(target)
    return card


def fill_from(desk: Desk, path: Path, made: Path) -> None:
    """Copy a model's zip or folder; raises CheckpointError for a file that has no place there or is not its hash's."""
    _take_folder(path, made) if path.is_dir() else _take_zip(desk, path, made)
    _check_hashes(made)


def _take_folder(source: Path, made: Path) -> None:
    files = [path for path in source.rglob("*") if path.is_file()]
    for path in files:
        file = path.relative_to(source)
        _require_known(file.as_posix(), len(files))
        (made / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, made / file)


def _take_zip(desk: Desk, path: Path, made: Path) -> None:
    if not path.is_file():
        raise InputNotFoundError(tr("There is no file or folder {path}.", path=path))
    limit = desk.settings.max_archive_bytes
    try:
        members = [(member_name(info), info) for info in directory_of(path, limit) if not info.is_dir()]
        for name, _ in members:
            _require_known(name, len(members))
        for name, info in members:
            if (problem := problem_of(name, info, limit)) is not None:
                raise problem
            target = made / PurePosixPath(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            write_member(path, info, limit, target)
    except UnreadableFileError as error:
        raise CheckpointError(
            tr("{name} is no zip of a model that can be read: {sentence}.", name=path.name, sentence=error.sentence)
        ) from error
    except FileExistsError as error:
        raise CheckpointError(tr("{name} names a file twice. Nothing was taken in.", name=path.name)) from error


def _require_known(file: str, num_files: int) -> None:
    if num_files > MOST_FILES or not (MODEL_FILE.fullmatch(file) or file in {HASHES_FILE, *CARD_PAGES}):
        raise CheckpointError(
            tr(
                "{file!r} does not belong in a model: it has safetensors, JSON, CSV and its card, and nothing that "
                "could be run. Nothing was taken in, and nothing in it was opened.",
                file=file[:80],
            )
        )


def _check_hashes(folder: Path) -> None:
    """A folder may come without the list; its weights are checked against its card in any case."""
    listed = folder / HASHES_FILE
    if not listed.is_file():
        return
    try:
        hashes = json.loads(listed.read_bytes())
    except ValueError as error:
        raise CheckpointError(
            tr("{hashes_file} is no JSON: the model was damaged on its way.", hashes_file=HASHES_FILE)
        ) from error
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {HASHES_FILE}
    if not isinstance(hashes, dict) or set(hashes) != files:
        raise CheckpointError(
            tr(
                "The files are not those that {hashes_file} lists: the model was changed on its way.",
                hashes_file=HASHES_FILE,
            )
        )
    for file, expected in hashes.items():
        if hashlib.sha256((folder / file).read_bytes()).hexdigest() != expected:
            raise CheckpointError(
                tr("{file} was changed or damaged on its way: its hash is not the one listed.", file=file)
            )


def import_model(desk: Desk, path: Path, name: str, actor: str | None = None) -> ModelCard:
    """Take a model's zip or folder, or the original study's `pneumonia_model.pth`, into the desk as `imported:NAME`.

    The original study's comes without calibration, operating point or gate. Raises CheckpointError in a sentence for
    anything else, of which nothing is run; then nothing was taken in.
    """
    if path.suffix.lower() in STATE_DICT_ENDINGS:
        return import_into(desk, name, lambda made: _convert(path, made, name), actor)
    return import_into(desk, name, lambda made: fill_from(desk, path, made), actor)
