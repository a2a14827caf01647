"""Every feature once: the same functions compute a year for training and one tick for serving."""
