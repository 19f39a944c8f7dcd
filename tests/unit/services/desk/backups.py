"""A desk to be backed up, and backups that somebody has changed."""

import hashlib
import json
import zipfile
from pathlib import Path

from core.services.desk import Desk
from core.services.desk.backup import back_up, export_key
from core.services.desk.backup_format import LISTING, MANIFEST, SIGNATURE, signature_of
from core.services.worklist.verdicts import Verdict, give_verdict
from tests.small_desk import add_batch, small_desk


def made_desk(folder: Path) -> Desk:
    """Return a desk with an uploaded image, a verdict, a run's file, and what a backup leaves out."""
    desk = small_desk(folder / "home")
    films = desk.settings.uploads / "one" / "files"
    films.mkdir(parents=True)
    (films / "ä b.jpeg").write_bytes(b"film")
    ids = add_batch(desk, [("ä b.jpeg", 0.9)], folder=films)
    give_verdict(desk, ids["ä b.jpeg"], "Ada", Verdict.NORMAL, "note")
    for name in ("runs/r/checkpoint/card.json", "caches/graphs/x.bin", "signing.key"):
        path = desk.settings.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    return desk


def file_of(desk: Desk, folder: Path) -> Path:
    """Return a backup of a desk."""
    return back_up(desk, folder / "desk.zip", "Ada").file


def key_of(desk: Desk, folder: Path) -> Path:
    """Return a copy of the key that signs a desk's backups."""
    export_key(desk, folder / "key.txt")
    return folder / "key.txt"


def rewritten(
    file: Path,
    target: Path,
    changed: dict[str, bytes],
    *,
    listed: bool = False,
    key: bytes | None = None,
    as_format_1: bool = False,
    **says: object,
) -> Path:
    """Write a backup again with some members changed or added, and the manifest saying something else.

    With `listed` the list and the manifest fit what was changed, as a careful forger would see to; with `key` it is
    signed as well. `as_format_1` makes it what the version before wrote.
    """
    with zipfile.ZipFile(file) as source:
        members = {name: source.read(name) for name in source.namelist()} | changed
    manifest = json.loads(members[MANIFEST]) if MANIFEST not in changed else None
    if listed:
        files = [name for name in members if name not in (LISTING, MANIFEST, SIGNATURE)]
        members[LISTING] = b"".join(line_of(name, members[name]) for name in files)
        manifest["listing"] = hashlib.sha256(members[LISTING]).hexdigest()
    if as_format_1:
        manifest = {name: manifest[name] for name in ("home", "made_at", "num_files")} | {"format": 1}
        del members[LISTING], members[SIGNATURE]
    if manifest is not None:
        manifest |= says
        if listed or as_format_1 or says:
            members[MANIFEST] = json.dumps({name: one for name, one in manifest.items() if one is not None}).encode()
    if key is not None:
        members[SIGNATURE] = signature_of(members[MANIFEST], key).encode()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target


def line_of(name: str, content: bytes) -> bytes:
    """Return one line of the list of files."""
    line = {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return json.dumps(line).encode() + b"\n"
