"""How long a test waits for what must come: a machine that is busy is slow, and that is no fault."""

PATIENCE_SECONDS = 240
PATIENCE_MS = PATIENCE_SECONDS * 1000
