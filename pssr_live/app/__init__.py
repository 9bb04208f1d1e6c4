"""The window: raw and restored side by side, and everything a live session needs.

What is shown is worked out by modules that know no Qt (`levels`, `render`, `status`,
`trust`, `situation`, `forecast`, ...). `instrument` and `movie_desk` do what takes
time, in threads of their own. The rest is widgets; only this package imports Qt.
"""
