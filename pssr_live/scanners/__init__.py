"""Everything that knows a microscope: cores, scan timing, the simulated scanner.

Only this room imports pymmcore-plus. Import what you need from its modules; this
file imports nothing, so that reading scan timing does not load a microscope.
"""
