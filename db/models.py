"""All tables in one place. Times are UTC; hashes are SHA-256 in hex; fractions are 0 to 1."""

from db.api_tables import ApiKey, IdempotentRequest, Prediction
from db.audit_tables import AuditEvent
from db.base import Base, utc_now
from db.dataset_tables import Cohort, Examination, SavedSplit
from db.experiment_tables import FilmSet, PredictionSet, RunAnnotation, RunTag
from db.measurement_tables import ModelMeasurement
from db.model_tables import Evaluation, KeptCard, ModelActivation, ModelVersion, OperatingPoint, PromotedVersion
from db.record_tables import ImportedRecord
from db.run_tables import Run, RunMetric, RunStep
from db.sweep_tables import Sweep
from db.triage_tables import Assignment, Batch, Reading, Verdict, WorklistRules

__all__ = [
    "ApiKey",
    "Assignment",
    "AuditEvent",
    "Base",
    "Batch",
    "Cohort",
    "Evaluation",
    "Examination",
    "FilmSet",
    "IdempotentRequest",
    "ImportedRecord",
    "KeptCard",
    "ModelActivation",
    "ModelMeasurement",
    "ModelVersion",
    "OperatingPoint",
    "Prediction",
    "PredictionSet",
    "PromotedVersion",
    "Reading",
    "Run",
    "RunAnnotation",
    "RunMetric",
    "RunStep",
    "RunTag",
    "SavedSplit",
    "Sweep",
    "Verdict",
    "WorklistRules",
    "utc_now",
]
