"""Following one object, or many, through a clip (chapter 13).

tracker       what all single-object trackers have in common: windows, a first box, a score
circulant     all shifts of a patch as a matrix, and why Fourier makes it diagonal
mosse         the correlation filter with the least squared error, up to date in every frame
kcf           the same as kernel ridge regression, with several channels
hcf           linear filters on layers of a network, read from coarse to fine
benchmark     clips with exact boxes: one difficulty each, photographs, crowds
contest       the trackers that the chapter compares
kalman        constant velocity, noise, and what a measurement is worth
many          detections joined over time: Kalman filter, Hungarian matching, appearance
"""
