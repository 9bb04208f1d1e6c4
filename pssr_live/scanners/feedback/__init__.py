"""Acquisition that reacts to what it sees: callbacks answer pictures with events."""
