"""Training runs as processes: who they are, how they start, stop and continue."""
