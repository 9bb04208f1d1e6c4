"""What an instrument does to a picture, fitted from pictures that it took.

`repeats` fits gain, offset, read noise, what neighbours share of it, line jitter and
PSF from repeated frames of one field; `pairs` fits what a low-density scan makes of a
high-density one. Both give a
`Calibration`, which says for every value how sure it is, and for every value that it
lacks why the pictures could not tell.
"""
