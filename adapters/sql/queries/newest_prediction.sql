-- When the newest prediction was asked; null before the first.
SELECT max(as_of) FROM predictions
