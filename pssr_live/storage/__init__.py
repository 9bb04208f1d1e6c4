"""Files: what a run leaves behind, written crash-safe and read back lazily.

    layout      which frame goes where in T, C, Z and position
    sites       where the stage was for each image, and what its position is called
    bigtiff     the bytes of a TIFF page
    ome_xml     the text that tells other programs what the pages are
    pages       PageFile: one growing OME-TIFF that a killed process cannot spoil
    unfinished  what of such a file is whole after a kill or a power cut
    mending     such a file opened again, for what a kill left undone
    resumed     a restoration that was stopped, and what shows that one is done
    numbering   what the names of a folder's images tell
    session     SessionFolder: the folder of a run; FrameLog: its diary
    movie       open_movie: any movie, our own or not, one frame at a time
    preview     one PNG to look at

Knows pixels and their places, but neither models nor microscopes.
"""
