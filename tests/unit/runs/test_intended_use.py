"""A card claims the children of the standard dataset only for a model that was trained on them."""

from core.runs.intended_use import intended_use, limits


def test_only_the_standard_dataset_is_of_children() -> None:
    """Patients named as in it give ages and hospital; one patient of another name, or none, and neither is claimed."""
    standard = ["bacterial-12", "viral-3", "IM-115", "NORMAL2-IM-7"]
    assert "children of 1 to 5 years" in intended_use(standard) and "one hospital" in limits(standard)[0]
    for others in ([*standard, "p1"], ["00001280"], []):
        assert "children" not in intended_use(others) + " ".join(limits(others))
        assert "Not a medical device" in intended_use(others) and "not recorded" in limits(others)[0]
    assert limits(standard)[1:] == limits(["p1"])[1:]
