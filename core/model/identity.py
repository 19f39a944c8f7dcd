"""What makes two models the same reader: everything that decides what is said of an image."""

import hashlib
import json

from core.model.card import ModelCard

# Raise it with every change of decoding, preprocessing or the gate's rule that may change what a model says.
READING_VERSION = 4


def reader_identity(card: ModelCard) -> str:
    """Return a SHA-256 over all of a model that decides what it says of an image.

    Weights, gate, calibration, preprocessing and, for an ensemble, its vote belong to it: the same weights with another
    calibration are another reader. Names, notes and measured figures do not; operating points have rows of their own.
    """
    said = card.model_dump(
        mode="json",
        include={
            *("architecture", "classes", "preprocessing", "weights_hash", "extras_hash", "calibration", "ensemble"),
        },
    )
    said["gate_threshold"] = card.gate.threshold if card.gate else None
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
