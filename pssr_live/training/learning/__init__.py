"""A network that learns: steps, losses, checkpoints, progress."""
