"""Physics inversion (chapter 9): from a measured spectral line back to what made it, by fitting and by a network."""
