"""The most that this machine can do: what a figure has to be compared with."""
