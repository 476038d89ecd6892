"""Light and sound as signals (chapter 4): perception, sampling, spectra, loudness, frames in time."""
