"""After reading: how far model and readers agree, and on which studies they do not."""

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pandas as pd

from core.evaluation.agreement import AgainstReference, Agreement, against_reference, agreement
from core.evaluation.proportions import Interval
from core.language import mark
from core.services.desk import Desk
from core.services.worklist.studies import Worklist, load_worklist
from core.services.worklist.verdicts import Verdict

EACH_STUDY_ALONE = mark(
    "95 % intervals take each study for itself, since a worklist does not know patients: where some have several, they "
    "are too narrow."
)
LABELS = (*(verdict.value for verdict in Verdict), "uncertain")
MODEL = "model"
DECIDED = (Verdict.PNEUMONIA.value, Verdict.NORMAL.value)


@dataclass(frozen=True)
class PairAgreement:
    """Two raters, the model being one of them or not."""

    first: str
    second: str
    found: Agreement


@dataclass(frozen=True)
class AgreementReport:
    """Agreement of model and readers over the studies on the list.

    `disagreements` has the columns study, file, probability, finding, verdicts (as stored, in a sentence), between,
    and said: pairs of reader and verdict.
    """

    pairs: list[PairAgreement]
    against: dict[str, AgainstReference]
    disagreements: pd.DataFrame
    num_judged: int
    models: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Return everything as lists of flat rows; `agreed` counts the studies of which both said the same."""
        pairs = [
            {
                "first": pair.first,
                "second": pair.second,
                "num_studies": pair.found.num_studies,
                "num_decided": pair.found.num_decided,
                "agreed": int(pair.found.table.trace()),
                "share_agreed": pair.found.share_agreed,
                "kappa": pair.found.kappa,
                **_ends("kappa", pair.found.kappa_interval),
            }
            for pair in self.pairs
        ]
        against = [
            {
                "reference": name,
                "num_positive": found.num_positive,
                "num_negative": found.num_negative,
                "sensitivity": found.sensitivity,
                **_ends("sensitivity", found.sensitivity_interval),
                "specificity": found.specificity,
                **_ends("specificity", found.specificity_interval),
            }
            for name, found in self.against.items()
        ]
        listed = self.disagreements.drop(columns=["said", "limits"])
        rows = listed.astype(object).where(listed.notna(), None).to_dict("records")
        return {
            "models": list(self.models),
            "num_judged": self.num_judged,
            "intervals": EACH_STUDY_ALONE,
            "pairs": pairs,
            "against": against,
            "disagreements": rows,
        }


def _ends(name: str, interval: Interval | None) -> dict[str, float | None]:
    low, high = interval or (None, None)
    return {f"{name}_low": low, f"{name}_high": high}


def report_agreement(desk: Desk, batch_id: str | None = None) -> AgreementReport:
    """Return agreement over the studies of all batches or of one.

    Each reader is compared with what the model says of the same image now, by its finding; sensitivity and
    specificity go by the finding too, uncertain images counting as flagged, since a human must look at both.
    """
    return agreement_of(load_worklist(desk, batch_id))


def agreement_of(worklist: Worklist) -> AgreementReport:
    """Return the report of a worklist that is at hand."""
    studies = worklist.studies.set_index("study")
    verdicts = worklist.verdicts[worklist.verdicts["study"].isin(studies.index)]
    said = verdicts.pivot(index="study", columns="reader", values="verdict")
    findings = studies["finding"].dropna()
    pairs, against = [], {}
    for reader in said.columns:
        both = said[reader].dropna()
        both = both[both.index.isin(findings.index)]
        model = findings[both.index]
        pairs.append(PairAgreement(MODEL, reader, agreement(model.tolist(), both.tolist(), LABELS)))
        against[reader] = against_reference((model != "normal").tolist(), both.tolist())
    for one, other in combinations(said.columns, 2):
        both = said[[one, other]].dropna()
        pairs.append(PairAgreement(one, other, agreement(both[one].tolist(), both[other].tolist(), LABELS)))
    consensus = consensus_of(verdicts).dropna()
    consensus = consensus[consensus.index.isin(findings.index)]
    if len(said.columns) > 1:
        flags = (findings[consensus.index] != "normal").tolist()
        against["all readers who decided, where they agree"] = against_reference(flags, consensus.tolist())
    models = tuple(sorted({str(name) for name in studies.loc[said.index, "model"]}))
    return AgreementReport(pairs, against, _disagreements(studies, verdicts), len(said), models)


def consensus_of(verdicts: pd.DataFrame) -> pd.Series:
    """Return, by study, the label on which all readers who decided agree; None where they differ or nobody decided."""
    found: dict[str, str | None] = {}
    for study, said in verdicts.groupby("study")["verdict"]:
        decided = {verdict for verdict in said if verdict in DECIDED}
        found[str(study)] = decided.pop() if len(decided) == 1 else None
    return pd.Series(found, dtype=object)


def _disagreements(studies: pd.DataFrame, verdicts: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for study, group in verdicts.groupby("study", sort=False):
        row = studies.loc[study]
        decided = {verdict for verdict in group["verdict"] if verdict in DECIDED}
        between = []
        if row["finding"] in DECIDED and decided - {str(row["finding"])}:
            between.append("model and reader")
        if len(decided) > 1:
            between.append("readers")
        if between:
            pairs = tuple(zip(group["reader"], group["verdict"], strict=True))
            said = "; ".join(f"{reader}: {verdict}" for reader, verdict in pairs)
            rows.append(
                (
                    study,
                    row["file"],
                    row["probability"],
                    row["finding"],
                    said,
                    " and ".join(between),
                    pairs,
                    row["limits"],
                )
            )
    columns = ["study", "file", "probability", "finding", "verdicts", "between", "said", "limits"]
    return pd.DataFrame(rows, columns=columns).sort_values("probability", ascending=False, ignore_index=True)
