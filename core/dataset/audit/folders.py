"""What a dataset's folder holds besides images, and folders that may be one and the same elsewhere."""

from pathlib import PurePosixPath

from core.dataset.audit.findings import Finding, Severity, each_alone
from core.dataset.layout import endings_of
from core.dataset.manifest import Cohort
from core.dataset_reasons import CutLinks, FoldersAlike, OtherFiles


def find_folder_oddities(cohort: Cohort) -> list[Finding]:
    """Return findings about files that are no pictures, links not followed, and folders that differ in case alone."""
    return [*_other_files(cohort), *_cut_links(cohort), *_folders_alike(cohort.manifest["file"].tolist())]


def _other_files(cohort: Cohort) -> list[Finding]:
    others = cohort.oddities.other_files
    if not others:
        return []
    return [
        Finding(
            "other_files",
            Severity.NOTE,
            OtherFiles(len(others), list(endings_of(others))),
            each_alone(list(others)),
        )
    ]


def _cut_links(cohort: Cohort) -> list[Finding]:
    links = cohort.oddities.cut_links
    if not links:
        return []
    return [
        Finding(
            "cut_links",
            Severity.NOTE,
            CutLinks(len(links)),
            each_alone(list(links)),
        )
    ]


def _folders_alike(files: list[str]) -> list[Finding]:
    """Name the outermost folders whose names differ only in case; what lies within them follows."""
    folders = {str(parent) for file in set(map(_folder_of, files)) for parent in (file, *file.parents)} - {"."}
    alike: dict[str, list[str]] = {}
    for folder in folders:
        alike.setdefault(folder.lower(), []).append(folder)
    clashing = {name for name, group in alike.items() if len(group) > 1}
    outermost = {
        name: sorted(alike[name])
        for name in sorted(clashing)
        if not any(str(parent) in clashing for parent in PurePosixPath(name).parents)
    }
    if not outermost:
        return []
    groups = tuple(
        tuple(sorted(file for file in files if f"{file.lower()}".startswith(f"{name}/"))) for name in outermost
    )
    return [
        Finding(
            "folders_alike",
            Severity.WARNING,
            FoldersAlike(list(outermost.values())),
            groups,
        )
    ]


def _folder_of(file: str) -> PurePosixPath:
    return PurePosixPath(file).parent
