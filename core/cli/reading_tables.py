"""Readings as rows of the tables that commands print; JSON keeps the stored names and values."""

from collections.abc import Mapping
from typing import Any

from core.language import tr
from core.reasons import limits_of, read_remarks
from core.result_words import AI_RESULTS, FINDINGS, order_in_words, score_in_words
from core.triage.ai_result import ai_result

READING_COLUMNS = ("order", "ai_result", "ai_score", "file", "remark")
STUDY_COLUMNS = ("reading", *READING_COLUMNS, "waiting", "readers", "assigned", "study")
DISAGREEMENT_COLUMNS = ("file", "ai_result", "ai_score", "readers", "between")


def shown_reading(row: Mapping[str, Any]) -> dict[str, str]:
    """Return a file of a batch as it is shown."""
    # Without codes a row is older than they are, and its sentence is all there is.
    remark = read_remarks(row["reasons"] or None, row["reason"])
    return _shown({**row, "limits": limits_of(row["reasons"])}, row["priority"], remark)


def shown_study(row: Mapping[Any, Any]) -> dict[str, str]:
    """Return a study of the worklist as it is shown."""
    more = {
        "reading": str(row["reading_id"]),
        "waiting": tr("{hours:.1f} h", hours=row["waited_hours"]),
        "readers": str(row["num_readers"]),
        "assigned": row["assigned_to"],
        "study": row["study"],
    }
    return {**_shown(row, row["band"], row["remark"]), **more}


def shown_disagreement(row: Mapping[Any, Any]) -> dict[str, str]:
    """Return a study on which model and readers differ as it is shown."""
    return {
        "file": row["file"],
        "ai_result": AI_RESULTS[ai_result("read", row["finding"])],
        "ai_score": score_in_words(row["probability"], *row["limits"]),
        "readers": "; ".join(f"{reader}: {FINDINGS[verdict]}" for reader, verdict in row["said"]),
        "between": row["between"],
    }


def _shown(row: Mapping[str, Any], band: str, remark: str) -> dict[str, str]:
    score = row["probability"]
    return {
        "order": order_in_words(band, bool(row["is_lifted"])),
        "ai_result": AI_RESULTS[ai_result(row["status"], row["finding"])],
        "ai_score": "–" if score is None else score_in_words(score, *row["limits"]),
        "file": row["file"],
        "remark": remark,
    }
