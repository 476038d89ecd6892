"""Self-supervised learning (chapter 19): pretext tasks, contrast, masked autoencoders, CLIP, and how they are judged."""
