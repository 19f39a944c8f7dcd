"""Images that are in a dataset more than once, byte by byte or in another size or encoding.

Shapes: N images, P pixels of a signature, D principal components.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from core.dataset.audit.findings import Finding, Severity
from core.dataset.film_features import signatures_of
from core.dataset_reasons import CopiesFound

LEAST_LIKENESS = 0.99
"""Correlation of signatures above which two files show the same image.

On the 5,515 different images of the standard dataset no two come above 0.985; its 200 native images and their copies of
224 pixels all come above 0.998.
"""
NUM_COMPONENTS = 24
MOST_NEIGHBOURS = 8


@dataclass(frozen=True)
class _Place:
    """Where copies stand, as codes name it, and how grave that is."""

    name: str
    ending: str
    severity_of_exact: Severity
    severity_of_near: Severity


ACROSS_LABELS = _Place("across_labels", "_across_labels", Severity.PROBLEM, Severity.PROBLEM)
ACROSS_SPLITS = _Place("across_splits", "_across_splits", Severity.PROBLEM, Severity.PROBLEM)
WITHIN = _Place("within", "", Severity.NOTE, Severity.WARNING)


def find_duplicates(films: pd.DataFrame, features: pd.DataFrame) -> list[Finding]:
    """Return findings about exact and near copies, apart for those that cross splits and those that cross classes."""
    exact = [tuple(sorted(group)) for _, group in films.groupby("content_hash")["file"] if len(group) > 1]
    return [*_findings(films, exact, is_exact=True), *_findings(films, near_groups(films, features), is_exact=False)]


def near_groups(films: pd.DataFrame, features: pd.DataFrame) -> list[tuple[str, ...]]:
    """Return groups of files of different content that show the same image, one file for each content.

    Neighbours are sought in the images' main directions, where distances can only be smaller, by a k-d tree with a
    small radius, then compared in full: no pair is missed unless an image has more than eight closer ones.
    """
    # Takes a second to import, which every process of the desk would pay.
    from scipy.spatial import KDTree

    names = films.drop_duplicates("content_hash").set_index("content_hash")["file"]
    features = features[features["content_hash"].isin(names.index)]
    if len(features) < 2:
        return []
    unit_NP = _standardised(signatures_of(features).reshape(len(features), -1))
    reach = np.sqrt(2 * (1 - LEAST_LIKENESS))
    projected_ND = _project(unit_NP)
    distances, neighbours = KDTree(projected_ND).query(
        projected_ND, k=min(MOST_NEIGHBOURS + 1, len(unit_NP)), distance_upper_bound=reach + 1e-6
    )
    first, place = np.nonzero(np.isfinite(distances))
    second = np.asarray(neighbours)[first, place]
    is_pair = first < second
    first, second = first[is_pair], second[is_pair]
    alike = np.einsum("np,np->n", unit_NP[first], unit_NP[second]) > LEAST_LIKENESS
    first, second = first[alike], second[alike]
    links = coo_array((np.ones(len(first)), (first, second)), shape=(len(unit_NP), len(unit_NP)))
    _, component_N = connected_components(links, directed=False)
    hashes_N = features["content_hash"].to_numpy()
    members: dict[int, list[str]] = {}
    for row in np.unique(np.concatenate([first, second])).tolist():
        members.setdefault(int(component_N[row]), []).append(names[hashes_N[row]])
    return sorted(tuple(sorted(group)) for group in members.values())


def _standardised(grey_NP: np.ndarray) -> np.ndarray:
    """Return signatures without mean and of unit length, so that their product is a correlation; flat ones are 0."""
    centred_NP = grey_NP.astype(np.float32)
    centred_NP -= centred_NP.mean(axis=1, keepdims=True)
    length_N1 = np.linalg.norm(centred_NP, axis=1, keepdims=True)
    return np.divide(centred_NP, length_N1, out=centred_NP, where=length_N1 > 0)


def _project(unit_NP: np.ndarray) -> np.ndarray:
    centred_NP = unit_NP - unit_NP.mean(axis=0)
    _, directions_PP = np.linalg.eigh(centred_NP.T @ centred_NP)
    return centred_NP @ directions_PP[:, -NUM_COMPONENTS:]


def _findings(films: pd.DataFrame, groups: list[tuple[str, ...]], *, is_exact: bool) -> list[Finding]:
    """Sort groups by what makes them matter: two labels before two splits before the rest."""
    kind = "exact" if is_exact else "near"
    by_place = _sorted_by_place(films, groups)
    return [
        Finding(
            f"{kind}_duplicates{place.ending}",
            place.severity_of_exact if is_exact else place.severity_of_near,
            CopiesFound(kind, place.name, len(found), sum(map(len, found))),
            tuple(found),
        )
        for place, found in by_place.items()
        if found
    ]


def _sorted_by_place(films: pd.DataFrame, groups: list[tuple[str, ...]]) -> dict[_Place, list[tuple[str, ...]]]:
    known = films.set_index("file")[["label", "split"]]
    found: dict[_Place, list[tuple[str, ...]]] = {place: [] for place in (ACROSS_LABELS, ACROSS_SPLITS, WITHIN)}
    for group in groups:
        rows = known.loc[list(group)]
        if rows["label"].nunique() > 1:
            found[ACROSS_LABELS].append(group)
        elif rows["split"].nunique() > 1:
            found[ACROSS_SPLITS].append(group)
        else:
            found[WITHIN].append(group)
    return found
