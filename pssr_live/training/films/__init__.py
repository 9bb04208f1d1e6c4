"""High-density clips: from files, from simulated cells, from stills set in motion."""
