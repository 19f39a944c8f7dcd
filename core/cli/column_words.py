"""What the columns of the commands' tables are called; rows are keyed by names that do not change."""

from core.language import mark, tr

COLUMN_WORDS = {
    "95% interval": mark("95 % interval"),
    "ai_result": mark("AI result"),
    "ai_score": mark("AI score"),
    "auc": mark("AUC"),
    "auc_change": mark("AUC change"),
    "cohort_fingerprint": mark("dataset fingerprint"),
    "computed_by": mark("computed by"),
    "films": mark("images"),
    "films_per_second": mark("images/s"),
    "holdout": mark("internal test"),
    "mean_change": mark("mean |Δp|"),
    "num_films": mark("images"),
    "num_files": mark("files"),
    "num_studies": mark("studies"),
    "uncertain_high": mark("indeterminate to"),
    "uncertain_low": mark("indeterminate from"),
}
PLAIN = (
    *(mark("action"), mark("active"), mark("actor"), mark("agreed"), mark("architecture"), mark("as turned")),
    *(mark("assigned"), mark("between"), mark("by gate"), mark("calibration"), mark("checkpoint hash")),
    *(mark("chosen on"), mark("created at"), mark("decisions changed"), mark("deleted at"), mark("detail")),
    *(mark("epoch"), mark("expires at"), mark("field"), mark("figure"), mark("file"), mark("fingerprint")),
    *(mark("first"), mark("folder"), mark("gone at"), mark("id"), mark("image size"), mark("kappa")),
    *(mark("kappa high"), mark("kappa low"), mark("kind"), mark("label"), mark("members"), mark("model")),
    *(mark("name"), mark("operating point"), mark("order"), mark("peak MB"), mark("pictures"), mark("readers")),
    *(mark("reading"), mark("reference"), mark("remark"), mark("run"), mark("run id"), mark("runs")),
    *(mark("scopes"), mark("second"), mark("seconds"), mark("seed"), mark("sensitivity"), mark("setting")),
    *(mark("sensitivity high"), mark("sensitivity low"), mark("share agreed"), mark("specificity")),
    *(mark("specificity high"), mark("specificity low"), mark("split"), mark("state"), mark("stopped")),
    *(mark("stress"), mark("study"), mark("subject"), mark("threshold"), mark("title"), mark("train")),
    *(mark("train loss"), mark("trial"), mark("under review"), mark("unnoticed"), mark("validation")),
    *(mark("validation accuracy at 0.5"), mark("validation accuracy at threshold"), mark("validation auc")),
    *(mark("validation loss"), mark("value"), mark("voting"), mark("waiting"), mark("weight")),
    *(mark("weights MB"), mark("what was done"), mark("when"), mark("who"), mark("accuracy")),
    *(mark("split fingerprint"), mark("split name"), mark("error")),
)
"""Columns that are called what they are named, with spaces."""


def column_in_words(name: str) -> str:
    """Return what a column is called in the current language; names of runs and models stay."""
    return tr(COLUMN_WORDS.get(name) or name.replace("_", " "))
