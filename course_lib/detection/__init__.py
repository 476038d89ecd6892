"""Object detection (chapter 10): histograms of gradients, proposals, regions, dense and set-based detectors."""
