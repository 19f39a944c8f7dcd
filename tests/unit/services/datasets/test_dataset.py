"""A dataset's findings are those of its images and of what its metadata say of them now."""

from pathlib import Path

from core.services.datasets.dataset import Dataset, examine, open_dataset
from core.services.desk import open_desk
from core.settings import AppSettings
from tests.unit.dataset.small_cohorts import write_film


def codes(dataset: Dataset) -> set[str]:
    return {finding.code for finding in dataset.audit.findings if finding.code.startswith("file_")}


def test_corrected_metadata_take_the_old_finding_away(tmp_path: Path) -> None:
    """A misspelt label that is emptied changes the finding, not the fingerprint; and back again."""
    desk = open_desk(AppSettings(home=tmp_path / "home"))
    root = tmp_path / "films"
    for number in range(1, 7):
        write_film(root / f"{number}.png", number, side=64)
    rows = ["1.png,normal", "2.png,pneumonia", "3.png,normal", "4.png,pneumonia", "5.png,normal"]

    def examined(label: str) -> tuple[set[str], set[str], str]:
        (root / "metadata.csv").write_text("\n".join(["file,label", *rows, f"6.png,{label}"]) + "\n", encoding="utf-8")
        found = examine(desk, root)
        return codes(found), codes(open_dataset(desk, root, found.fingerprint)), found.fingerprint

    unknown, none = examined("pnemonia"), examined("")
    assert unknown[2] == none[2]
    assert unknown[:2] == ({"file_unknown_label"},) * 2
    assert none[:2] == ({"file_no_label"},) * 2
    assert examined("pnemonia") == unknown
