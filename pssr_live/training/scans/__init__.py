"""What a coarse scan makes of clips, and how wide its faults range."""
