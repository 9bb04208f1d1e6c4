"""Scans at full density in the middle of a run, to hold restored frames against."""
