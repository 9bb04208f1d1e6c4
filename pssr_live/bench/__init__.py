"""How fast it is here: all engines, and what they are measured against, in turns."""
