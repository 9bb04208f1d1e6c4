"""Lets napari open what pssr-live records.

    reader   what napari calls: a path in, layers out
    layers   names, places and contrast of the layers
    lazy     frames of a file as dask arrays, read when they are looked at

Knows files and layers, but neither Qt nor napari's own code: a reader hands over plain
tuples.
"""
