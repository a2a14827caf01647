"""Retrain policies compared over the same year."""
