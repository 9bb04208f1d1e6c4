"""A frame's way to a GPU and back, the same for everything that runs networks there.

Only the newest frame of a window is new: the others wait on the device from last time
(`rolling`). What is to be done for a frame is a fixed list of copies and inferences
(`session`), recorded once as a CUDA graph and launched as one. None of this needs a
driver but `device`, so all of it is proved on computers without a GPU.
"""
