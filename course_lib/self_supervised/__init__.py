"""Self-supervised learning (chapter 19): pretext tasks, contrast, masked autoencoders, CLIP; how they are judged."""
