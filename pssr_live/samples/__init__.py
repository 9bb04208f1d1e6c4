"""Procedural samples: what a simulated scanner scans and training learns from."""
