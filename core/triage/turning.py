"""Which way an image lies: one that seems turned is looked at again, turned each way.

The orientation check was fitted to one hospital's images; those of others look a little turned to it as they are, but
still more so when they are turned. So an image is called turned only if some turn of it looks more upright than it
does, and upright enough for the model to read it.
Shapes: B images of a batch, S suspected of them, T turns, D embedding size, H and W pixels of the square input.
"""

from collections.abc import Sequence

import numpy as np

from core.triage.gate import Gate
from core.triage.inference import Engine, EngineOutput

QUARTERS = (1, 2, 3)
"""Quarter turns counter-clockwise."""
LEAST_GAIN = 2.0
"""Log-odds by which a turn has to look more upright than the image as it is."""


def needed_turns(images_BHW: Sequence[np.ndarray], embeddings_BD: np.ndarray, gate: Gate, engine: Engine) -> np.ndarray:
    """Return `quarters_B`: by how many quarters counter-clockwise each image has to be turned to stand upright.

    0 for all that do not seem turned, and for those of which no turn looks upright. The engine is asked for the
    turned copies of suspected images alone, few among images of the hospital that the model was trained on.
    """
    quarters_B = np.zeros(len(images_BHW), dtype=int)
    suspected_S = np.flatnonzero(gate.are_turned(embeddings_BD))
    for place in suspected_S.tolist():
        images_T1HW = np.stack([np.rot90(images_BHW[place], quarter) for quarter in QUARTERS])[:, None]
        turned_TD = ask(engine, np.ascontiguousarray(images_T1HW)).embeddings_BD
        scores_T = np.where(gate.distances(turned_TD) <= gate.threshold, gate.turned_scores(turned_TD), np.inf)
        best = int(scores_T.argmin())
        if scores_T[best] <= gate.turned_scores(embeddings_BD[place : place + 1])[0] - LEAST_GAIN:
            quarters_B[place] = QUARTERS[best]
    return quarters_B


def ask(engine: Engine, images_B1HW: np.ndarray) -> EngineOutput:
    """Return what the engine says of a batch, waiting for it and for all that was submitted before."""
    answers: list[EngineOutput] = []
    engine.submit(images_B1HW, answers.append)
    engine.finish()
    return answers[0]
